//! `cargo xtask prove NAME`: checks that are too long for `.ci/run`. Each states its claim, shows what it runs, and
//! fails if the claim does not hold.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::error::{TaskError, path};
use crate::metadata::{cargo, workspace};
use crate::run::succeeds;
use crate::scratch::Scratch;

mod compare;
mod localstripe;
mod pypi;
mod readme;
mod stripe_events;

const USAGE: &str = "cargo xtask prove NAME [ARGUMENT...]; `cargo xtask prove list` has the names";

/// The administrator's user id.
const ROOT: u32 = 0;

/// The user id of the account without rights.
const NOBODY: u32 = 65_534;

/// A check with its claim.
struct Proof {
    name: &'static str,
    arguments: &'static str,
    claim: &'static str,
    /// The duration on two cores, without building.
    takes: &'static str,
    /// Returns whether the claim holds.
    run: fn(&[String]) -> Result<bool, TaskError>,
}

const PROOFS: [Proof; 8] = [
    Proof {
        name: "chaos",
        arguments: "[OPTION...]",
        claim: "200 faults while 5,000 orders flow lose nothing and do nothing twice, or as the options of `chaos` say",
        takes: "10 minutes",
        run: chaos,
    },
    Proof {
        name: "outages",
        arguments: "",
        claim: "an hour without the mail server, an hour without the carrier and five minutes of a refused Stripe key, each over \
                1,000 orders, are one case and one alert each; everything goes out afterwards, at the breaker's rate",
        takes: "8 minutes",
        run: outages,
    },
    Proof {
        name: "cluster",
        arguments: "[OPTION...]",
        claim: "over three NATS servers and a PostgreSQL with two standbys, each server's failure loses nothing, and \
                stalls orders no longer than docs/operations.md says",
        takes: "40 minutes; `--lasts 20` for a shorter one, `--list` for the faults",
        run: cluster,
    },
    Proof {
        name: "demo-faults",
        arguments: "",
        claim: "the demo's audit passes though providers misbehave",
        takes: "2 minutes",
        run: demo_faults,
    },
    Proof {
        name: "localstripe",
        arguments: "",
        claim: "payments captures, voids and makes two equal refunds at localstripe from PyPI, a Stripe that others wrote",
        takes: "a minute",
        run: localstripe::run,
    },
    Proof {
        name: "stripe-events",
        arguments: "",
        claim: "Stripe's own library from PyPI accepts the sandbox's events, and the gateway accepts what it signs",
        takes: "a minute",
        run: stripe_events::run,
    },
    Proof {
        name: "readme",
        arguments: "",
        claim: "the README's two commands work in a fresh clone of what is committed",
        takes: "an hour, most of it building",
        run: readme::run,
    },
    Proof {
        name: "compare",
        arguments: "BASE_BINARY_DIR [ROUNDS]",
        claim: "guard, latency, flash-sale and gateway are within 5 % of the `bench` in that directory, in turn with it",
        takes: "3 minutes a round; 5 rounds unless told otherwise",
        run: compare::run,
    },
];

/// Runs one of them, or lists all.
pub(crate) fn run(args: &[String]) -> Result<ExitCode, TaskError> {
    let Some((name, rest)) = args.split_first() else { return Err(TaskError::Usage(USAGE.to_owned())) };
    if name == "list" {
        for Proof { name, arguments, claim, takes, .. } in &PROOFS {
            println!("{}\n    {claim}\n    takes {takes}", format!("{name} {arguments}").trim_end());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let proof =
        PROOFS.iter().find(|proof| proof.name == name).ok_or_else(|| TaskError::Usage(USAGE.to_owned()))?;
    println!("prove {name}: {} ({})", proof.claim, proof.takes);
    if (proof.run)(rest)? {
        println!("prove {name}: holds");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("prove {name}: does not hold");
    Ok(ExitCode::FAILURE)
}

/// Runs `chaos` as an account of its own where root runs this: of root's processes and PostgreSQL's, which are another
/// account's, not every fault could be injected.
fn chaos(options: &[String]) -> Result<bool, TaskError> {
    let compiling = ["build", "--release", "-p", "chaos"];
    if !succeeds(Command::new(cargo()).args(compiling))? {
        return Ok(false);
    }
    let scratch = Scratch::create("chaos")?;
    // A copy, because the account may not reach this repository.
    let program = scratch.path.join("chaos");
    let built = workspace()?.target.join("release/chaos");
    std::fs::copy(&built, &program).map_err(path(&built))?;
    let mut command = Command::new(&program);
    let defaults = ["--seed", "11", "--faults", "200", "--orders", "5000"].map(str::to_owned);
    command.args(if options.is_empty() { &defaults[..] } else { options });
    let own = Path::new("/proc/self");
    if std::fs::metadata(own).map_err(path(own))?.uid() == ROOT {
        chown(&scratch.path, Some(NOBODY), Some(NOBODY)).map_err(path(&scratch.path))?;
        command.uid(NOBODY).gid(NOBODY).current_dir(&scratch.path);
        command.env("HOME", &scratch.path).env("TMPDIR", &scratch.path).env_remove("XDG_CACHE_HOME");
    }
    succeeds(&mut command)
}

fn outages(_: &[String]) -> Result<bool, TaskError> {
    let arguments = ["--outages", "--orders", "3000"];
    succeeds(Command::new(cargo()).args(["run", "--release", "-p", "chaos", "--"]).args(arguments))
}

fn cluster(options: &[String]) -> Result<bool, TaskError> {
    succeeds(Command::new(cargo()).args(["run", "--release", "-p", "chaos", "--", "cluster"]).args(options))
}

fn demo_faults(_: &[String]) -> Result<bool, TaskError> {
    let scratch = Scratch::create("demo")?;
    let demo = ["run", "--release", "--", "demo", "--faults", "7", "--data-dir"];
    succeeds(Command::new(cargo()).args(demo).arg(&scratch.path))
}
