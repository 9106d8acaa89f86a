//! Which despatch this is: its version, and the commit that it was built from where the build knew one.

/// `0.1.0`, `0.1.0 (393c6b8 2026-11-29)`, or of a development build `0.1.0 (393c6b8 2026-11-29 or later)`.
pub(crate) fn short() -> String {
    named(env!("CARGO_PKG_VERSION"), env!("COMMIT"), env!("COMMIT_DATE"), env!("PROFILE") != "release")
}

/// Without the commit's date, for a line that holds more: `0.1.0 (393c6b8)`.
pub(crate) fn brief() -> String {
    named(env!("CARGO_PKG_VERSION"), env!("COMMIT"), "", false)
}

/// The same as [`short`], and a line on how it was built.
pub(crate) fn long() -> String {
    let commands = if cfg!(feature = "local") { "all commands" } else { "without up, demo and sandbox" };
    format!("{}\n{} build for {}, {commands}", short(), env!("PROFILE"), env!("TARGET"))
}

/// A development build was built on the commit, and may have later changes in it.
fn named(version: &str, commit: &str, date: &str, development: bool) -> String {
    let changes = if development { " or later" } else { "" };
    let commit = [commit, date].join(" ");
    match commit.trim() {
        "" => version.to_owned(),
        commit => format!("{version} ({commit}{changes})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_commit_where_there_is_one() {
        assert_eq!(named("0.1.0", "393c6b8", "2026-11-29", false), "0.1.0 (393c6b8 2026-11-29)");
        assert_eq!(named("0.1.0", "393c6b8", "", false), "0.1.0 (393c6b8)");
        assert_eq!(named("0.1.0", "", "", false), "0.1.0");
        assert_eq!(named("0.1.0", "393c6b8", "2026-11-29", true), "0.1.0 (393c6b8 2026-11-29 or later)");
        assert_eq!(named("0.1.0", "", "", true), "0.1.0");
    }

    #[test]
    fn every_build_in_a_repository_names_its_commit() {
        let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../.git");
        let is_named = !env!("COMMIT").is_empty();
        assert!(is_named || !std::path::Path::new(repository).exists(), "{}", short());
    }
}
