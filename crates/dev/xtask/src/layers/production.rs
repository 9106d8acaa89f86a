//! The production image: the command line without its default feature has no crate for development.

use std::process::Command;

use crate::error::{TaskError, program};
use crate::metadata::{Package, cargo};

/// The folder of the crates that must not be in it.
const DEVELOPMENT: &str = "crates/dev/";

/// Returns one line for each crate for development that the production binary is linked with, by `cargo tree`.
pub(crate) fn check(packages: &[Package]) -> Result<Vec<String>, TaskError> {
    let tree = tree(&["--no-default-features"])?;
    let inside = linked(&tree, packages);
    Ok(inside
        .into_iter()
        .map(|name| format!("despatch --no-default-features is linked with {name}"))
        .collect())
}

/// Returns the crates that the command line is linked with, one per line.
fn tree(features: &[&str]) -> Result<String, TaskError> {
    let cargo = cargo();
    let output = Command::new(&cargo)
        .args(["tree", "--offline", "--edges", "normal", "--package", "despatch", "--prefix", "none"])
        .args(features)
        .output()
        .map_err(program(&cargo))?;
    if !output.status.success() {
        return Err(TaskError::Metadata(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the crates for development in a tree.
fn linked<'a>(tree: &str, packages: &'a [Package]) -> Vec<&'a str> {
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    packages
        .iter()
        .filter(|package| package.dir.starts_with(DEVELOPMENT) && names.contains(&package.name.as_str()))
        .map(|package| package.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata;

    #[test]
    fn only_the_default_feature_brings_crates_for_development() {
        let packages = metadata::workspace().unwrap().packages;
        let with_it = tree(&[]).unwrap();
        let mut brought = linked(&with_it, &packages);
        brought.sort_unstable();
        assert_eq!(brought, ["despatch-sandbox", "despatch-scenario", "despatch-stack"]);
        assert_eq!(check(&packages).unwrap(), <[String; 0]>::default());
    }
}
