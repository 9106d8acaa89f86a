//! The benchmarks: what the real runtime does in a second, what the same servers allow, and what either costs.
//!
//! `cargo run --release -p bench -- flow`. Each subcommand starts servers of its own ([`site`]), warms up, repeats, and
//! [`report`]s the median with the smallest and the largest figure. [`steps`] is the work, [`flow`] does it with the
//! runtime, [`floor`] without, and [`usage`] says what it took. See docs/performance.md.

mod args;
mod autoscale;
mod child;
mod flash_sale;
mod floor;
mod flow;
mod gateway;
mod growth;
mod guard;
mod instructions;
mod latency;
mod load;
mod plot;
mod replicas;
mod report;
mod site;
mod start;
mod steps;
mod telemetry;
mod usage;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Args, What};

/// As the binary `despatch` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a benchmark comes to. Whatever goes wrong ends on the terminal, so its type does not matter.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&args)));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Outcome<ExitCode> {
    match &args.what {
        What::Flow(volume) => flow::command(args, *volume).await,
        What::Floor { volume, tuning } => floor::command(args, *volume, *tuning).await,
        What::Guard { volume, tuning, at_least } => guard::command(args, *volume, *tuning, *at_least).await,
        What::Latency(rate) => latency::command(args, *rate).await,
        What::FlashSale(sale) => flash_sale::command(args, *sale).await,
        What::Growth(growth) => growth::command(args, growth).await,
        What::Replicas(volume) => replicas::command(args, *volume).await,
        What::Telemetry(volume) => telemetry::command(args, *volume).await,
        What::Start => start::command(args).await,
        What::Gateway(crowd) => gateway::command(args, *crowd).await,
        What::Autoscale(scaling) => autoscale::command(args, scaling).await,
        What::Instructions { at_most } => instructions::command(args, at_most),
        What::Hot { path, times } => {
            instructions::take(*path, *times);
            Ok(ExitCode::SUCCESS)
        }
        What::Plot { results } => plot::command(results),
        What::Worker => child::run().await.map(|()| ExitCode::SUCCESS),
    }
}
