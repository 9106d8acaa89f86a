//! Stripe's own library against the sandbox's events and the gateway's check of signatures.

use std::process::Command;

use super::pypi;
use crate::error::TaskError;
use crate::metadata::cargo;
use crate::run::succeeds;
use crate::scratch::Scratch;

/// The version that this was written for.
const PACKAGE: &str = "stripe==16.1.0";

/// Installs it and runs the test.
pub(super) fn run(_: &[String]) -> Result<bool, TaskError> {
    let scratch = Scratch::create("stripe-events")?;
    let packages = scratch.path.join("packages");
    if !pypi::install(PACKAGE, &packages)? {
        return Ok(false);
    }
    let test =
        ["test", "-p", "despatch-gateway", "--test", "gateway", "--", "--ignored", "stripe_s_own_library"];
    succeeds(Command::new(cargo()).args(test).env("STRIPE_LIBRARY", &packages))
}
