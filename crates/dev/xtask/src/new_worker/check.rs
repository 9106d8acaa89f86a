//! `cargo xtask check-new-worker`: creates two new workers in a copy of the repository, one as generated, one with the
//! files of docs/add-a-worker.md. Both must pass the checks of every worker.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use super::names::Names;
use super::{EVENT, add, page};
use crate::error::{TaskError, path};
use crate::metadata::{self, cargo};
use crate::repository::Repository;
use crate::run::succeeds;

/// The version of the copy's crates. Cargo distinguishes the crates of two copies of a workspace only by their
/// versions. With equal ones, the copy's builds would replace those of the repository.
const VERSION: (&str, &str) = ("\nversion = \"0.1.0\"\n", "\nversion = \"0.1.0-copy\"\n");

const MANIFEST: &str = "Cargo.toml";
const PAGE: &str = "docs/add-a-worker.md";
/// The worker of the page.
const LOYALTY: [&str; 3] = ["loyalty", "customer", "PointsAwarded"];
const GENERATED: [&str; 3] = ["specimen", "platform", EVENT];

/// Creates or updates the copy, and checks it. It is below `target` and shares what cargo has built.
pub(crate) fn run() -> Result<ExitCode, TaskError> {
    let workspace = metadata::workspace()?;
    let mut repository = Repository::at(workspace.root);
    let (mut packages, mut dirs) = (Vec::new(), Vec::new());
    for [name, group, event] in [GENERATED, LOYALTY] {
        let names = Names::new(name, group, event)?;
        add(&names, &mut repository)?;
        packages.push(names.package());
        dirs.push(names.dir());
    }
    page::apply(&repository.read(PAGE)?, &mut repository)?;
    let manifest = repository.read(MANIFEST)?;
    if !manifest.contains(VERSION.0) {
        return Err(TaskError::List(MANIFEST.to_owned()));
    }
    repository.write_as_it_is(MANIFEST, manifest.replacen(VERSION.0, VERSION.1, 1));
    let copy = workspace.target.join("new-worker");
    repository.copy_to(&copy)?;
    link(&copy.join("target"), &workspace.target)?;
    let path = tools(&workspace.target);
    let this = env::current_exe().map_err(crate::error::program("xtask"))?;
    let this = this.to_string_lossy();
    let cargo = cargo();
    let [first, second] = [&packages[0], &packages[1]].map(String::as_str);
    let lint =
        format!("clippy --no-deps -p {first} -p {second} -p despatch-contracts --all-targets -- -D warnings");
    for (program, arguments) in [
        ("deploy/check", String::new()),
        (&cargo, "fmt --all --check".to_owned()),
        ("buf", "lint".to_owned()),
        (&this, format!("check-layers {first} {second}")),
        (&this, format!("check-words {} {} {PAGE}", dirs[0], dirs[1])),
        (&this, format!("check-prose {} {} {PAGE}", dirs[0], dirs[1])),
        ("cargo-shear", format!("-p {first} -p {second}")),
        (&cargo, lint),
        (&cargo, "check -p despatch --lib --no-default-features".to_owned()),
        (&cargo, format!("test -p {first} -p {second} --tests")),
    ] {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(&copy).env("PATH", &path);
        if !succeeds(&mut command)? {
            eprintln!("new-worker: {program} {arguments} fails in {}", copy.display());
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets the copy build where the repository does.
fn link(link: &Path, target: &Path) -> Result<(), TaskError> {
    if !link.exists() {
        std::os::unix::fs::symlink(target, link).map_err(path(link))?;
    }
    Ok(())
}

/// Returns the search path for programs, with those that .ci/run has installed first.
fn tools(target: &Path) -> std::ffi::OsString {
    let own = [target.join("ci-tools/bin"), target.join("ci-tools/debian/usr/bin")];
    let all = env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> = own
        .into_iter()
        .filter(|dir| fs::exists(dir).unwrap_or(false))
        .chain(env::split_paths(&all))
        .collect();
    env::join_paths(all).unwrap_or_default()
}
