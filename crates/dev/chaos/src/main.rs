//! Chaos: while orders flow and the providers misbehave, workers are killed and frozen, servers killed and wiped,
//! connections cut, all at random and the same way again for the same seed. Then everything is left alone, and every order
//! is audited.
//!
//! `cargo run --release -p chaos -- --seed 1 --faults 200 --orders 2000`. From top to bottom: [`schedule`] draws the
//! [`fault`]s, [`inject`] does them to a [`deployment`], [`quiesce`] waits until nothing is left to do, and the audit is the demo's, with the
//! [`stream`] on top.

mod args;
mod deployment;
mod fault;
mod fleet;
mod inject;
mod orders;
mod proxy;
mod quiesce;
mod result;
mod rng;
mod run;
mod schedule;
mod stream;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// As the binary `despatch` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == fleet::WORKER) {
        fleet::end_with_the_harness();
        return despatch::main(std::env::args_os().skip(1));
    }
    let args = args::Args::parse();
    match run::run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}
