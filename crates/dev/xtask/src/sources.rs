//! The repository's files, found by walking its directories.

use std::fs;
use std::path::Path;

use crate::error::{TaskError, path};

/// Returns every file under `dirs` whose name is `wanted`, relative to `root` and sorted. Leaves out directories that
/// cargo fills, those whose name begins with a dot, and missing ones.
pub(crate) fn files(
    root: &Path,
    dirs: &[&str],
    wanted: impl Fn(&str) -> bool + Copy,
) -> Result<Vec<String>, TaskError> {
    let mut found = Vec::new();
    for dir in dirs {
        if root.join(dir).is_dir() {
            walk(root, dir, wanted, &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

/// Accepts source files of Rust, for [`files`].
pub(crate) fn is_rust(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs")
}

/// Reads one of the files found.
pub(crate) fn read(root: &Path, file: &str) -> Result<String, TaskError> {
    let file = root.join(file);
    fs::read_to_string(&file).map_err(path(&file))
}

fn walk(
    root: &Path,
    dir: &str,
    wanted: impl Fn(&str) -> bool + Copy,
    found: &mut Vec<String>,
) -> Result<(), TaskError> {
    let here = root.join(dir);
    for entry in fs::read_dir(&here).map_err(path(&here))? {
        let entry = entry.map_err(path(&here))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let inner = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
        if entry.file_type().map_err(path(&here))?.is_dir() {
            if !name.starts_with('.') && !root.join(&inner).join("CACHEDIR.TAG").exists() {
                walk(root, &inner, wanted, found)?;
            }
        } else if wanted(&name) {
            found.push(inner);
        }
    }
    Ok(())
}
