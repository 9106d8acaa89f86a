//! Pages say where a thing is in the code: those files must be there.

/// Paths in backticks that are no file of `files`. They begin with the crate, or at the repository's root.
pub(crate) fn check(page: &str, text: &str, files: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for path in line.split('`').skip(1).step_by(2).filter(|quoted| is_path(quoted)) {
            let ending = format!("/{path}");
            let is_there = |file: &String| {
                let file = format!("/{file}");
                file.ends_with(&ending) || file.contains(&format!("{ending}/"))
            };
            if !files.iter().any(is_there) {
                wrong.push(format!("{page}:{number}: there is no {path}; name the file that has it now"));
            }
        }
    }
    wrong
}

fn is_path(quoted: &str) -> bool {
    quoted.contains('/') && !quoted.ends_with('/') && !quoted.contains(['<', '…', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let files = ["crates/core/runtime/src/outbox.rs", "crates/workers/money/payments/migrations/1.sql"]
            .map(str::to_owned);
        let text = "(`runtime/src/outbox.rs`) `dead.<worker>` `Outbox`\n`payments/migrations`\n(`runtime/src/inbox.rs`)";
        assert_eq!(
            check("docs/glossary.md", text, &files),
            ["docs/glossary.md:3: there is no runtime/src/inbox.rs; name the file that has it now"]
        );
    }
}
