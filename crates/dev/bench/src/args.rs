//! The command line: the commands, each with its arguments beside its code.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::load::volume::Volume;
use crate::options::Options;
use crate::scenarios::autoscale::Scaling;
use crate::scenarios::baseline::Tuning;
use crate::scenarios::flash_sale::Sale;
use crate::scenarios::gateway::GatewayLoad;
use crate::scenarios::growth::Growth;
use crate::scenarios::instructions::{self, HotPath};
use crate::scenarios::latency::Rate;
use crate::scenarios::orders::OrdersLoad;
use crate::scenarios::ratio::Guard;

/// Measure despatch on servers of its own
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The benchmarks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run five steps for each order, each a worker, on the real runtime: orders a second at saturation
    Flow(Volume),
    /// Write the same messages, rows and transactions without a runtime: what the servers allow
    Baseline {
        #[command(flatten)]
        volume: Volume,
        #[command(flatten)]
        tuning: Tuning,
    },
    /// Run flow and baseline in turn on the same servers, and compare them
    Guard(Guard),
    /// Place orders at a fixed rate, and time each step of them
    Latency(Rate),
    /// Place many orders for few units of one SKU, through the real inventory in a process for each core
    FlashSale(Sale),
    /// Run the flow with 100,000 and 1,000,000 orders in the tables already, against empty ones
    Growth(Growth),
    /// Run the flow with 1, 2 and 4 processes of each worker on the same cores
    Replicas(Volume),
    /// Run the flow with metrics and the traces of 1 % of its orders sent to a collector, against the flow with neither
    Telemetry(Volume),
    /// Carry orders through all the real workers, with providers that answer at once: what an order costs, by worker
    Orders(OrdersLoad),
    /// Place orders over HTTP through the real gateway
    Gateway(GatewayLoad),
    /// Time the start of a worker's process, and of `despatch up`, built beside this
    Start,
    /// Run a day's load, compressed, with 1, 2 and 4 processes and with as many as KEDA's formula asks for
    ///
    /// Each day is run once, however high --runs is.
    Autoscale(Scaling),
    /// Count the instructions that an event costs without a server: under valgrind, which has to be installed
    Instructions {
        /// Fail when a path takes more than N instructions, e.g., encode=4000
        #[arg(long, value_name = "PATH=N", value_parser = instructions::limit)]
        at_most: Vec<(HotPath, u64)>,
    },
    /// Draw the results of `guard --json` or `autoscale --json` as SVG, on standard output
    Chart {
        /// The JSON; `-` for standard input
        results: PathBuf,
    },
    /// Run a worker in a process of its own, for the benchmarks
    #[command(hide = true)]
    Worker,
    /// Take a path, for counting its instructions
    #[command(hide = true)]
    HotPath { path: HotPath, times: u32 },
}
