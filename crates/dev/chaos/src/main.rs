//! Chaos: while orders flow and the providers misbehave, workers are killed and frozen, servers killed and wiped,
//! connections cut. All of it is random, and the same again for the same seed. Then the deployment is left alone, and
//! every order is audited.
//!
//! `cargo run --release -p chaos -- --seed 1 --faults 200 --orders 2000`. From top to bottom: [`schedule`] draws the
//! [`fault`]s, [`inject`] injects them into a [`deployment`], and [`quiesce`] waits until nothing is left to do. The
//! audit is the demo's, with the [`stream`] in addition.

mod args;
mod cluster;
mod deployment;
mod dir;
mod fault;
mod fleet;
mod frozen;
mod inject;
mod keeping;
mod orders;
mod outages;
mod quiesce;
mod result;
mod run;
mod schedule;
mod shop;
mod stream;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// The same allocator as the binary `despatch`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == fleet::WORKER) {
        fleet::end_with_the_harness();
        return despatch::main(std::env::args_os().skip(1));
    }
    despatch::raise_open_files();
    let args = args::Args::parse();
    let done = match &args.of {
        Some(args::Of::Cluster(cluster)) => cluster::run(cluster),
        Some(args::Of::Consumers(consumers)) => cluster::measure(consumers),
        None => run::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}
