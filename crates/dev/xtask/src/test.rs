//! The whole test suite: first what it needs beyond Rust, then cargo, then a look for servers left running.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, process};

use crate::error::{TaskError, path, program};
use crate::metadata::cargo;

mod barcode;
mod leftovers;

/// Tells the suites that need a barcode reader that there is one.
const BARCODE: &str = "DESPATCH_TEST_BARCODE";

/// Runs the tests and passes cargo's exit code on.
pub(crate) fn run(mut args: Vec<String>) -> Result<ExitCode, TaskError> {
    barcode::provide()?;
    if args.is_empty() {
        args.push("--workspace".to_owned());
    }
    let scratch = Scratch::create()?;
    let cargo = cargo();
    let status = Command::new(&cargo)
        .arg("test")
        .args(&args)
        .env(BARCODE, "1")
        .env("TMPDIR", &scratch.path)
        .status()
        .map_err(program(&cargo))?;
    leftovers::none_under(&scratch.path)?;
    // A signal leaves no code; that is a failure too.
    Ok(status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1))))
}

/// The tests' temporary directory: whatever runs in it was started by this run, and it goes when the run ends.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create() -> Result<Self, TaskError> {
        let dir = env::temp_dir().join(format!("despatch-test-{}", process::id()));
        // Others may pass: tests run by root start PostgreSQL as another user.
        fs::create_dir_all(&dir)
            .and_then(|()| fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)))
            .map_err(path(&dir))?;
        Ok(Self { path: dir })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("xtask: cannot remove {}: {error}", self.path.display());
        }
    }
}
