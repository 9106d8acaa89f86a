//! `cargo xtask check-layers`: the order of crates, of the rooms and files in each, and the size of files.

use std::path::Path;
use std::process::ExitCode;

use crate::error::TaskError;
use crate::metadata::{self, Package};
use crate::sources;

mod circles;
mod crates;
mod files;
mod imports;
mod modules;
mod names;
mod production;
mod review;
mod rooms;

/// The folders whose files are checked.
const DIRS: [&str; 3] = ["crates", "tests", "examples"];

/// Checks the crates of these names, or all, and prints the findings.
pub(crate) fn check(names: &[String]) -> Result<ExitCode, TaskError> {
    let workspace = metadata::workspace()?;
    let mut packages = workspace.packages;
    let unwanted = production::check(&packages)?;
    if !names.is_empty() {
        packages.retain(|package| names.contains(&package.name));
    }
    let (dependencies, mut misplaced) = crates::check(&packages);
    misplaced.extend(unwanted);
    let inner = inside(&workspace.root, &packages)?;
    let mut wrong = inner.wrong;
    for file in sources::files(&workspace.root, &DIRS, sources::is_rust)? {
        if packages.iter().any(|package| owns(package, &file)) {
            wrong.extend(files::check(&file, &sources::read(&workspace.root, &file)?));
        }
    }
    if !misplaced.is_empty() {
        eprintln!("layers: {}\n\n{}\n", misplaced.join("\nlayers: "), crates::RULES);
    }
    if !wrong.is_empty() {
        eprintln!("rooms: {}\n\n{} to put right", wrong.join("\nrooms: "), wrong.len());
    }
    if wrong.is_empty() && misplaced.is_empty() {
        println!(
            "layers: {dependencies} dependencies between crates and {} imports between {} files point the right way",
            inner.imports, inner.files
        );
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn owns(package: &Package, file: &str) -> bool {
    file.strip_prefix(&package.dir).is_some_and(|inner| inner.starts_with('/'))
}

/// Checks the files inside each crate.
fn inside(root: &Path, packages: &[Package]) -> Result<review::Review, TaskError> {
    let mut all = review::Review::default();
    for package in packages {
        let mut sources = modules::Sources::new();
        for file in sources::files(root, &[&format!("{}/src", package.dir)], sources::is_rust)? {
            let text = sources::read(root, &file)?;
            sources.insert(file, text);
        }
        let order = match package.rooms.as_ref().map(rooms::Order::read).transpose() {
            Ok(order) => order,
            Err(cause) => {
                all.wrong.push(format!("{}/Cargo.toml: {cause}", package.dir));
                None
            }
        };
        let mut rooms = std::collections::BTreeSet::new();
        for target in &package.roots {
            let review = review::check(target, &sources, order.as_ref())?;
            all.files += review.files;
            all.imports += review.imports;
            all.wrong.extend(review.wrong);
            rooms.extend(review.rooms);
        }
        if let Some(order) = order {
            let (undeclared, missing) = order.differences(&rooms);
            all.wrong.extend(undeclared.into_iter().map(|room| {
                format!(
                    "{}/Cargo.toml: `{room}` has no place in the order of rooms; give it one",
                    package.dir
                )
            }));
            all.wrong.extend(missing.into_iter().map(|room| {
                format!(
                    "{}/Cargo.toml: the order of rooms has `{room}`, which is not there; take it out",
                    package.dir
                )
            }));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_tree_is_parsed() {
        let workspace = metadata::workspace().unwrap();
        let review = inside(&workspace.root, &workspace.packages).unwrap();
        assert!(review.files > 200, "{} files", review.files);
        assert!(review.imports > 400, "{} imports", review.imports);
    }
}
