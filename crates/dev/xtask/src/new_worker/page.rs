//! The files in a page: code blocks behind a line that begins with a path in backticks.

use std::path::Path;

/// Each file with its text. The path begins the last line before the block: `` `crates/…/lib.rs`, which …: ``.
pub(crate) fn files(page: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(path) = path(before) {
                files.push((path.to_owned(), block.join("\n") + "\n"));
            }
            before = "";
        } else if !line.is_empty() {
            before = line;
        }
    }
    files
}

fn path(line: &str) -> Option<&str> {
    let (path, _) = line.strip_prefix('`')?.split_once('`')?;
    (path.contains('/') && Path::new(path).extension().is_some()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_behind_a_path_is_a_file() {
        let page = "text\n`a/b.rs`, all of it:\n\n```rust\nfn f() {}\n\nfn g() {}\n```\n\ntext\n\n```console\n$ x\n```\n\
                    `NAME` is:\n```rust\nx\n```\n";
        assert_eq!(files(page), [("a/b.rs".to_owned(), "fn f() {}\n\nfn g() {}\n".to_owned())]);
    }
}
