//! Project tasks, run as `cargo xtask TASK`: the whole test suite with its requirements, and the checks of this
//! repository.

use std::env;
use std::process::ExitCode;

mod error;
mod layers;
mod metadata;
mod new_worker;
mod prose;
mod prove;
mod repository;
mod run;
mod scratch;
mod sources;
mod test;
mod words;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [ARGUMENT...]       install what tests need beyond Rust, then run `cargo test --workspace`;
                           arguments replace `--workspace`: cargo xtask test -p despatch-labels
  check-layers [CRATE...]  check that dependencies between crates and imports between files point one way,
                           in all crates or in those named
  check-words [PATH...]    look for retired words (crates/dev/xtask/words.txt), in all files or below these paths
  check-prose [PATH...]    look for what the prose guide in CONTRIBUTING.md rules out, in all files or below these paths
  new-worker NAME --group GROUP [--event MESSAGE]
                           write all that a worker needs: docs/add-a-worker.md
  check-new-worker         write one into a copy of the repository and hold it against every check
  prove list               name the checks that are too long for .ci/run, and how long they take
  prove NAME [ARGUMENT...] run one of them; fails when its claim does not hold";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next();
    let args: Vec<String> = args.collect();
    let result = match task.as_deref() {
        Some("test") => test::run(args),
        Some("check-layers") => layers::check(&args),
        Some("check-words") => words::check(&args),
        Some("check-prose") => prose::check(&args),
        Some("new-worker") => new_worker::run(&args),
        Some("check-new-worker") => new_worker::check::run(),
        Some("prove") => prove::run(&args),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}
