//! The repository's files, found by walking its directories.

use std::fs;
use std::path::Path;

use crate::error::{TaskError, path};

/// Every file with one of these extensions under `dirs`, relative to `root` and sorted. Directories that cargo
/// fills and those whose name begins with a dot are left out; so is a directory that does not exist.
pub(crate) fn files(root: &Path, dirs: &[&str], extensions: &[&str]) -> Result<Vec<String>, TaskError> {
    let mut found = Vec::new();
    for dir in dirs {
        if root.join(dir).is_dir() {
            walk(root, dir, extensions, &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

/// One of the files found.
pub(crate) fn read(root: &Path, file: &str) -> Result<String, TaskError> {
    let file = root.join(file);
    fs::read_to_string(&file).map_err(path(&file))
}

fn walk(root: &Path, dir: &str, extensions: &[&str], found: &mut Vec<String>) -> Result<(), TaskError> {
    let here = root.join(dir);
    for entry in fs::read_dir(&here).map_err(path(&here))? {
        let entry = entry.map_err(path(&here))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let inner = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
        if entry.file_type().map_err(path(&here))?.is_dir() {
            if !name.starts_with('.') && !root.join(&inner).join("CACHEDIR.TAG").exists() {
                walk(root, &inner, extensions, found)?;
            }
        } else if Path::new(&name)
            .extension()
            .is_some_and(|own| extensions.iter().any(|wanted| own == *wanted))
        {
            found.push(inner);
        }
    }
    Ok(())
}
