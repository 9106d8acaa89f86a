//! The rules for a single file: its length and its name.

/// A longer file holds a second idea.
const MOST_LINES: usize = 400;

/// Returns the findings of a Rust file.
pub(crate) fn check(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!(
            "{path} has {lines} lines, more than {MOST_LINES}: look for its second idea, and give it a file"
        ));
    }
    if let Some(module) = path.strip_suffix("/mod.rs") {
        wrong.push(if module.contains("/tests/") || module.starts_with("tests/") {
            format!(
                "{path}: no mod.rs; make the suite one binary with a folder, tests/<suite>/main.rs, and this {}",
                "a file beside its main.rs"
            )
        } else {
            format!("{path}: no mod.rs; name it {module}.rs")
        });
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_named_with_its_length() {
        assert_eq!(check("crates/a/src/b.rs", &"\n".repeat(400)), Vec::<String>::new());
        let wrong = check("crates/a/src/b.rs", &"\n".repeat(401));
        assert!(wrong[0].contains("crates/a/src/b.rs has 401 lines"), "{wrong:?}");
    }

    #[test]
    fn a_mod_rs_is_named_with_its_better_name() {
        assert_eq!(
            check("crates/a/src/room/mod.rs", ""),
            ["crates/a/src/room/mod.rs: no mod.rs; name it crates/a/src/room.rs"]
        );
        assert!(check("crates/a/tests/shared/mod.rs", "")[0].contains("main.rs"));
    }
}
