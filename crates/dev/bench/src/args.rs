//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measure despatch on servers of its own.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) what: What,
    /// Print one JSON object and nothing else.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How often each figure is measured.
    #[arg(long, global = true, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Where the servers keep their data; by default a temporary directory, removed afterwards.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Five steps for each order, each a worker, on the real runtime: orders a second at saturation.
    Flow(Size),
    /// The same messages, rows and transactions with no runtime: what the servers allow.
    Floor {
        #[command(flatten)]
        size: Size,
        #[command(flatten)]
        tuning: Tuning,
    },
    /// Flow and floor in turn on the same servers, and their ratio.
    Guard {
        #[command(flatten)]
        size: Size,
        #[command(flatten)]
        tuning: Tuning,
        /// Fails when flow is less than so much of the floor.
        #[arg(long, value_name = "RATIO", default_value_t = 0.0)]
        at_least: f64,
    },
}

/// How much work a run is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Size {
    /// Orders in each measured run.
    #[arg(long, default_value_t = 40_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Orders that warm up before each of them.
    #[arg(long, default_value_t = 4_000, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Orders in flight.
    #[arg(long, default_value_t = 8_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) in_flight: usize,
}

/// How the floor goes about it; what is not given is tried.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Tuning {
    /// Loops for each step, each with a connection of its own.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) lanes: Option<usize>,
    /// The most messages in one transaction.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) batch: Option<usize>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
