//! Runs the whole test suite: first provides its requirements besides Rust, then runs cargo, then looks for servers
//! left running.

use std::process::{Command, ExitCode};

use crate::error::{TaskError, program};
use crate::metadata::cargo;
use crate::scratch::Scratch;

mod leftovers;
mod readers;

/// The variable that tells test suites that the readers of labels are installed.
const READERS: &str = "DESPATCH_TEST_READERS";

/// Runs the tests and returns cargo's exit code.
pub(crate) fn run(mut args: Vec<String>) -> Result<ExitCode, TaskError> {
    readers::provide()?;
    if args.is_empty() {
        args.push("--workspace".to_owned());
    }
    // Processes that name this directory after the tests were started by them.
    let scratch = Scratch::create("test")?;
    let cargo = cargo();
    let status = Command::new(&cargo)
        .arg("test")
        .args(&args)
        .env(READERS, "1")
        .env("TMPDIR", &scratch.path)
        .status()
        .map_err(program(&cargo))?;
    leftovers::none_under(&scratch.path)?;
    // A signal leaves no code, which is a failure too.
    Ok(status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1))))
}
