//! The whole test suite: first what it needs beyond Rust, then cargo, then a look for servers left running.

use std::process::{Command, ExitCode};

use crate::error::{TaskError, program};
use crate::metadata::cargo;
use crate::scratch::Scratch;

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
    // Whatever names this directory when the tests have ended was started by them.
    let scratch = Scratch::create("test")?;
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
