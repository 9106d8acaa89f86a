//! The benchmarks: the throughput of the real runtime, the limit of the same servers, and the cost of either.
//!
//! `cargo run --release -p bench -- flow`. Each command is one of [`scenarios`]. It starts servers of its own, warms
//! up, repeats, and prints the median with the smallest and the largest figure. [`load`] is the work and where it runs,
//! [`measure`] its cost. See docs/performance.md.
//!
//! Imports point one way: `result`, `bounds`, `options` < `measure` < `load` < `scenarios` < `args` < `main`.

mod args;
mod bounds;
mod load;
mod measure;
mod options;
mod result;
mod scenarios;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser as _;
use load::{despatch_process, worker_process};
use result::Result;
use scenarios::{
    autoscale, baseline, chart, flash_sale, flow, gateway, growth, instructions, latency, orders, ratio,
    replicas, start, telemetry,
};
use tracing_subscriber::EnvFilter;

/// The same allocator as the binary `despatch`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == despatch_process::DESPATCH) {
        return despatch_process::run();
    }
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(args)));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {}", despatch_runtime::error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<ExitCode> {
    let Args { command, options } = &args;
    match command {
        Command::Flow(volume) => flow::command(options, *volume).await,
        Command::Baseline { volume, tuning } => baseline::command(options, *volume, *tuning).await,
        Command::Guard(guard) => ratio::command(options, *guard).await,
        Command::Latency(rate) => latency::command(options, *rate).await,
        Command::FlashSale(sale) => flash_sale::command(options, *sale).await,
        Command::Growth(growth) => growth::command(options, growth).await,
        Command::Replicas(volume) => replicas::command(options, *volume).await,
        Command::Telemetry(volume) => telemetry::command(options, *volume).await,
        Command::Start => start::command(options).await,
        Command::Orders(load) => orders::command(options, *load).await,
        Command::Gateway(load) => gateway::command(options, *load).await,
        Command::Autoscale(scaling) => autoscale::command(options, scaling).await,
        Command::Instructions { at_most } => instructions::command(options, at_most),
        Command::HotPath { path, times } => {
            instructions::take(*path, *times);
            Ok(ExitCode::SUCCESS)
        }
        Command::Chart { results } => chart::command(results),
        Command::Worker => worker_process::run().await.map(|()| ExitCode::SUCCESS),
    }
}
