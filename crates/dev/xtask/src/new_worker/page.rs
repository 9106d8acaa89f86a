//! The files in a page: code blocks after a line that begins with a path in backticks. A block in the language `diff`
//! changes a part of a file; any other block is the whole file.

use std::path::Path;

use crate::error::TaskError;
use crate::repository::Repository;

/// Writes the page's files over those of the repository.
pub(crate) fn apply(page: &str, repository: &mut Repository) -> Result<(), TaskError> {
    for Block { path, is_diff, text } in blocks(page) {
        let text = if is_diff {
            changed(&repository.read(path)?, &text).ok_or_else(|| TaskError::Diff(path.to_owned()))?
        } else {
            text
        };
        repository.write_as_it_is(path, text);
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    path: &'a str,
    is_diff: bool,
    text: String,
}

/// The path begins the last line before the block: `` `crates/…/lib.rs`, which …: ``.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(path) = path(before) {
                blocks.push(Block { path, is_diff: language == "diff", text: text.join("\n") + "\n" });
            }
            before = "";
        } else if !line.is_empty() {
            before = line;
        }
    }
    blocks
}

fn path(line: &str) -> Option<&str> {
    let (path, _) = line.strip_prefix('`')?.split_once('`')?;
    (path.contains('/') && Path::new(path).extension().is_some()).then_some(path)
}

/// Replaces the lines that the diff marks with a space or `-` by those that it marks with a space or `+`.
fn changed(text: &str, diff: &str) -> Option<String> {
    let side = |mark: char| {
        let lines = diff.split_inclusive('\n').filter(|line| line.starts_with([' ', mark]));
        lines.map(|line| &line[1..]).collect::<String>()
    };
    let old = side('-');
    text.contains(&old).then(|| text.replacen(&old, &side('+'), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_behind_a_path_is_a_file() {
        let page = "text\n`a/b.rs`, all of it:\n\n```rust\nfn f() {}\n\nfn g() {}\n```\n\ntext\n\n```console\n$ x\n```\n\
                    `NAME` is:\n```rust\nx\n```\n`a/c.yml`:\n```diff\n-x\n```\n";
        let b = Block { path: "a/b.rs", is_diff: false, text: "fn f() {}\n\nfn g() {}\n".to_owned() };
        assert_eq!(blocks(page), [b, Block { path: "a/c.yml", is_diff: true, text: "-x\n".to_owned() }]);
    }

    #[test]
    fn a_diff_changes_a_part_of_a_file() {
        let text = "a:\n  x: 1\nb:\n  x: 1\n";
        assert_eq!(changed(text, " b:\n-  x: 1\n+  x: 2\n").unwrap(), "a:\n  x: 1\nb:\n  x: 2\n");
        assert_eq!(changed(text, " c:\n+  x: 2\n"), None);
    }
}
