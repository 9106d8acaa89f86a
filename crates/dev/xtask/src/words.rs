//! `cargo xtask check-words`: one word for one thing. The words that were retired are listed in `words.txt`, those that
//! are used in `docs/glossary.md`.

use std::path::Path;
use std::process::ExitCode;

use crate::error::TaskError;
use crate::{metadata, sources};

mod paths;
pub(crate) mod rules;
mod text;

/// The list, and what it means.
const LIST: &str = include_str!("../words.txt");

/// Files that may use the words because they are about them.
const ABOUT_WORDS: [&str; 3] =
    ["crates/dev/xtask/words.txt", "crates/dev/xtask/prose.txt", "crates/dev/xtask/src/words"];

const DIRS: [&str; 8] = ["crates", "tests", "examples", "docs", "deploy", "proto", "fuzz", ".ci"];
const FILES: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Dockerfile",
    "docker-compose.yml",
    "Cargo.toml",
];
const KINDS: [&str; 12] =
    ["rs", "md", "toml", "sql", "proto", "yaml", "yml", "tpl", "json", "py", "sh", "txt"];
/// Pages whose paths in backticks are files.
const MAPS: [&str; 2] = ["ARCHITECTURE.md", "docs/glossary.md"];
/// Schemas of others.
const FOREIGN: &str = "deploy/schemas/";

/// Looks for retired words in the files below these paths, or in all, and prints where they are.
pub(crate) fn check(paths: &[String]) -> Result<ExitCode, TaskError> {
    let rules = rules::read(LIST).map_err(|cause| TaskError::Words(format!("words.txt: {cause}")))?;
    let root = metadata::workspace()?.root;
    let all = texts(&root)?;
    let mut files = all.clone();
    files.retain(|file| {
        !ABOUT_WORDS.iter().any(|path| rules::covers(path, file))
            && (paths.is_empty() || paths.iter().any(|path| rules::covers(path, file)))
    });
    let mut found = Vec::new();
    if paths.is_empty() {
        // A rule about a folder that was moved would hold nowhere.
        let named = rules.iter().flat_map(rules::Rule::paths);
        found.extend(
            named
                .filter(|path| !root.join(path).exists())
                .map(|path| format!("words.txt: {path} is not in the repository; name where it is now")),
        );
    }
    for page in MAPS.iter().filter(|page| files.iter().any(|file| file == *page)) {
        found.extend(paths::check(page, &sources::read(&root, page)?, &all));
    }
    for file in &files {
        found.extend(rules::check(&rules, file, &sources::read(&root, file)?));
    }
    if found.is_empty() {
        println!("words: {} files have none of {} retired words", files.len(), rules.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("words: {}\n\n{} to put right", found.join("\nwords: "), found.len());
    Ok(ExitCode::FAILURE)
}

/// The files of the repository that hold text of its own.
pub(crate) fn texts(root: &Path) -> Result<Vec<String>, TaskError> {
    let is_text = |name: &str| match name.rsplit_once('.') {
        Some((_, kind)) => KINDS.contains(&kind),
        // Scripts, such as deploy/check.
        None => true,
    };
    let mut files = sources::files(root, &DIRS, is_text)?;
    files.extend(FILES.map(str::to_owned));
    files.retain(|file| !file.starts_with(FOREIGN));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read() {
        assert!(rules::read(LIST).unwrap().len() > 100);
    }
}
