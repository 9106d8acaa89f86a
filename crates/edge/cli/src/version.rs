//! Which despatch this is: its version, and the commit that it was built from where the build knew one.

/// `0.1.0`, or `0.1.0 (393c6b8 2026-11-29)`.
pub(crate) fn short() -> String {
    named(env!("CARGO_PKG_VERSION"), env!("COMMIT"), env!("COMMIT_DATE"))
}

/// The same, and a line on how it was built.
pub(crate) fn long() -> String {
    let commands = if cfg!(feature = "local") { "all commands" } else { "without up, demo and sandbox" };
    format!("{}\n{} build for {}, {commands}", short(), env!("PROFILE"), env!("TARGET"))
}

fn named(version: &str, commit: &str, date: &str) -> String {
    let commit = [commit, date].join(" ");
    match commit.trim() {
        "" => version.to_owned(),
        commit => format!("{version} ({commit})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_commit_where_there_is_one() {
        assert_eq!(named("0.1.0", "393c6b8", "2026-11-29"), "0.1.0 (393c6b8 2026-11-29)");
        assert_eq!(named("0.1.0", "393c6b8", ""), "0.1.0 (393c6b8)");
        assert_eq!(named("0.1.0", "", ""), "0.1.0");
    }
}
