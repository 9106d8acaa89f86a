//! `cargo xtask check-new-worker`: two new workers in a copy of the repository, one as it is generated, one with what
//! docs/add-a-worker.md puts in its place. Both must pass what every worker has to.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use super::names::Names;
use super::{EVENT, add, page};
use crate::error::{TaskError, path};
use crate::metadata::{self, cargo};
use crate::repository::Repository;
use crate::run::succeeds;

const PAGE: &str = "docs/add-a-worker.md";
/// The worker of the page.
const LOYALTY: [&str; 3] = ["loyalty", "customer", "PointsAwarded"];
const GENERATED: [&str; 3] = ["specimen", "platform", EVENT];

/// Makes the copy, or brings it up to date, and checks it. It is below `target` and shares what cargo has built.
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
    let copy = workspace.target.join("new-worker");
    repository.copy_to(&copy)?;
    link(&copy.join("target"), &workspace.target)?;
    let path = tools(&workspace.target);
    let this = env::current_exe().map_err(crate::error::program("xtask"))?;
    let this = this.to_string_lossy();
    let cargo = cargo();
    let [first, second] = [&packages[0], &packages[1]].map(String::as_str);
    let dirs = [&dirs[0], &dirs[1]].map(String::as_str);
    for step in [
        &["deploy/check"] as &[&str],
        &[&cargo, "fmt", "--all", "--check"],
        &["buf", "lint"],
        &[&this, "check-layers", first, second],
        &[&this, "check-words", dirs[0], dirs[1], PAGE],
        &["cargo-shear", "-p", first, "-p", second],
        &[
            &cargo,
            "clippy",
            "--no-deps",
            "-p",
            first,
            "-p",
            second,
            "-p",
            "despatch-contracts",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[&cargo, "clippy", "--no-deps", "-p", "despatch", "--lib", "--", "-D", "warnings"],
        &[&cargo, "test", "-p", first, "-p", second, "--tests"],
    ] {
        let mut command = Command::new(step[0]);
        command.args(&step[1..]).current_dir(&copy).env("PATH", &path);
        if !succeeds(&mut command)? {
            eprintln!("new-worker: {} fails in {}", step[0], copy.display());
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The copy builds where the repository does.
fn link(link: &Path, target: &Path) -> Result<(), TaskError> {
    if !link.exists() {
        std::os::unix::fs::symlink(target, link).map_err(path(link))?;
    }
    Ok(())
}

/// Where programs are, those that .ci/run has installed first.
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
