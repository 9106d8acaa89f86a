//! The repository's files with unwritten changes, so that a change can be written in place or tried on a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use crate::error::{TaskError, path, program};

/// Files with their changes.
pub(crate) struct Repository {
    root: PathBuf,
    changed: BTreeMap<String, String>,
}

impl Repository {
    /// Creates the repository at `root`, unchanged.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, changed: BTreeMap::new() }
    }

    /// Returns a file's text, changed or not.
    pub(crate) fn read(&self, file: &str) -> Result<String, TaskError> {
        if let Some(text) = self.changed.get(file) {
            return Ok(text.clone());
        }
        let there = self.root.join(file);
        fs::read_to_string(&there).map_err(path(&there))
    }

    pub(crate) fn exists(&self, file: &str) -> bool {
        self.changed.contains_key(file) || self.root.join(file).exists()
    }

    /// Changes or adds a file. Formats Rust like `cargo fmt`.
    pub(crate) fn write(&mut self, file: &str, text: String) -> Result<(), TaskError> {
        let is_rust = Path::new(file).extension().is_some_and(|extension| extension == "rs");
        let text = if is_rust { self.formatted(file, &text)? } else { text };
        self.changed.insert(file.to_owned(), text);
        Ok(())
    }

    /// Changes or adds a file with exactly this text.
    pub(crate) fn write_as_it_is(&mut self, file: &str, text: String) {
        self.changed.insert(file.to_owned(), text);
    }

    /// Returns the changed and added files.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &str> {
        self.changed.keys().map(String::as_str)
    }

    /// Writes the changes in place.
    pub(crate) fn save(&self) -> Result<(), TaskError> {
        for (file, text) in &self.changed {
            write_if_different(&self.root.join(file), text.as_bytes())?;
        }
        Ok(())
    }

    /// Makes `dir` a copy of all files that git knows or would add, with the changes. Leaves equal files alone, so that
    /// cargo does not build them again.
    pub(crate) fn copy_to(&self, dir: &Path) -> Result<(), TaskError> {
        let mut wanted: BTreeSet<String> = self.listed()?.into_iter().collect();
        // The list includes files that are deleted but not committed yet.
        wanted.retain(|file| fs::symlink_metadata(self.root.join(file)).is_ok_and(|found| found.is_file()));
        for file in &wanted {
            let from = self.root.join(file);
            if !self.changed.contains_key(file) {
                let bytes = fs::read(&from).map_err(path(&from))?;
                let to = dir.join(file);
                write_if_different(&to, &bytes)?;
                let permissions = fs::metadata(&from).map_err(path(&from))?.permissions();
                fs::set_permissions(&to, permissions).map_err(path(&to))?;
            }
        }
        for (file, text) in &self.changed {
            write_if_different(&dir.join(file), text.as_bytes())?;
            wanted.insert(file.clone());
        }
        // The lock grows by the added crate; cargo keeps it up to date.
        for file in crate::sources::files(dir, &[""], |_| true)? {
            if !wanted.contains(&file) {
                let stale = dir.join(&file);
                fs::remove_file(&stale).map_err(path(&stale))?;
            }
        }
        Ok(())
    }

    fn listed(&self) -> Result<Vec<String>, TaskError> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .map_err(program("git"))?;
        let files = String::from_utf8_lossy(&output.stdout);
        Ok(files.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect())
    }

    fn formatted(&self, file: &str, text: &str) -> Result<String, TaskError> {
        let mut child = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
            .arg(&self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(program("rustfmt"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(text.as_bytes()).map_err(program("rustfmt"))?;
        }
        let output = child.wait_with_output().map_err(program("rustfmt"))?;
        let formatted = String::from_utf8(output.stdout).unwrap_or_default();
        if !output.status.success() || formatted.is_empty() {
            return Err(TaskError::Path {
                path: file.to_owned(),
                source: io::Error::other("rustfmt cannot format it"),
            });
        }
        Ok(formatted)
    }
}

fn write_if_different(file: &Path, bytes: &[u8]) -> Result<(), TaskError> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(path(folder))?;
    }
    fs::write(file, bytes).map_err(path(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata;
    use crate::scratch::Scratch;

    #[test]
    fn a_change_is_seen_before_it_is_written_and_a_copy_has_it() {
        let root = metadata::workspace().unwrap().root;
        let mut repository = Repository::at(root.clone());
        repository.write("crates/new.rs", "fn  f( ) { }".to_owned()).unwrap();
        assert_eq!(repository.read("crates/new.rs").unwrap(), "fn f() {}\n");
        assert!(!root.join("crates/new.rs").exists());

        let copy = Scratch::create("copy").unwrap();
        fs::write(copy.path.join("stale.txt"), "").unwrap();
        repository.copy_to(&copy.path).unwrap();
        assert_eq!(fs::read_to_string(copy.path.join("crates/new.rs")).unwrap(), "fn f() {}\n");
        assert!(copy.path.join("Cargo.toml").exists() && copy.path.join(".ci/run").exists());
        assert!(!copy.path.join("stale.txt").exists());
    }
}
