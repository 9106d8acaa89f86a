//! `cargo xtask check-prose`: plain English. `prose.txt` lists the words that the guide in CONTRIBUTING.md rules out;
//! `sentences.rs` holds the rules about sentences. They apply to pages and to comments.

use std::process::ExitCode;

use crate::error::TaskError;
use crate::words::rules;
use crate::{metadata, sources, words};

mod blocks;
mod sentences;

const LIST: &str = include_str!("../prose.txt");

/// Files that name the words because they are about them.
const ABOUT_PROSE: [&str; 2] = ["crates/dev/xtask/prose.txt", "crates/dev/xtask/src/prose"];

/// Checks the files below these paths, or all, and prints where a rule is broken.
pub(crate) fn check(paths: &[String]) -> Result<ExitCode, TaskError> {
    let list = rules::read(LIST).map_err(|cause| TaskError::Words(format!("prose.txt: {cause}")))?;
    let root = metadata::workspace()?.root;
    let mut files = words::texts(&root)?;
    files.retain(|file| {
        !ABOUT_PROSE.iter().any(|path| rules::covers(path, file))
            && (paths.is_empty() || paths.iter().any(|path| rules::covers(path, file)))
    });
    let mut found = Vec::new();
    for file in &files {
        found.extend(broken(&list, file, &sources::read(&root, file)?));
    }
    if found.is_empty() {
        println!("prose: {} files keep to the guide in CONTRIBUTING.md", files.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "prose: {}\n\n{} to put right; CONTRIBUTING.md has the guide",
        found.join("\nprose: "),
        found.len()
    );
    Ok(ExitCode::FAILURE)
}

/// The places of one file that break a rule, from top to bottom.
fn broken(list: &[rules::Rule], file: &str, text: &str) -> Vec<String> {
    let spoken = if blocks::is_markdown(file) { blocks::without_code(text) } else { text.to_owned() };
    let mut found = rules::check(list, file, &spoken);
    found.extend(sentences::check(file, &blocks::of(file, text)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        broken(&rules::read(LIST).unwrap(), file, text)
    }

    #[test]
    fn each_word_of_the_list_is_noticed() {
        for text in ["made anew", "lest it ends", "waits for\never", "it is to be read", "simply starts"] {
            assert_eq!(found("docs/a.md", text).len(), 1, "{text}");
            assert_eq!(found("a.rs", &format!("// {}", text.replace('\n', "\n// "))).len(), 1, "{text}");
        }
        assert_eq!(found("a.rs", "log(\"the consumer is made anew\");").len(), 1, "log lines are text too");
    }

    #[test]
    fn pages_do_not_say_we() {
        assert_eq!(
            found("docs/a.md", "a\nour sender"),
            ["docs/a.md:2: `our`; say: name the actor: despatch, the worker, the shop, you"]
        );
        assert_eq!(found("a.rs", "// our sender").len(), 0);
    }

    #[test]
    fn a_page_may_quote_code() {
        assert_eq!(found("docs/a.md", "`anew`\n\n```text\nwe wait for ever\n```\n").len(), 0);
    }
}
