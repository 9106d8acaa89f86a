//! Names the commit that is built, for `despatch --version`.
//!
//! `BUILD_COMMIT` and `BUILD_DATE` name it where there is no repository, as in an image. Otherwise git does. Without
//! either the version names none.
//!
//! A release build asks git again after each commit. A development build would then be compiled again after each commit,
//! so it asks only when a source of this crate has changed. It names the commit that it was built on, or an earlier one.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["BUILD_COMMIT", "BUILD_DATE"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if variable("PROFILE").as_deref() == Some("release") {
        // Grows by a line with each commit and each checkout.
        let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists());
        if let Some(log) = log {
            println!("cargo::rerun-if-changed={log}");
        }
    } else {
        println!("cargo::rerun-if-changed=src");
    }
    let commit = variable("BUILD_COMMIT").or_else(|| git(&["rev-parse", "--short=9", "HEAD"]));
    let date = variable("BUILD_DATE").or_else(|| git(&["show", "--no-patch", "--format=%cs", "HEAD"]));
    println!("cargo::rustc-env=COMMIT={}", commit.unwrap_or_default());
    println!("cargo::rustc-env=COMMIT_DATE={}", date.unwrap_or_default());
    println!("cargo::rustc-env=PROFILE={}", variable("PROFILE").unwrap_or_default());
    println!("cargo::rustc-env=TARGET={}", variable("TARGET").unwrap_or_default());
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first line that git prints; `None` without git or a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned();
    (!line.is_empty()).then_some(line)
}
