//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::autoscale::{LAG_THRESHOLD, LOOK, SYNC};

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
    Flow(Volume),
    /// The same messages, rows and transactions with no runtime: what the servers allow.
    Floor {
        #[command(flatten)]
        volume: Volume,
        #[command(flatten)]
        tuning: Tuning,
    },
    /// Flow and floor in turn on the same servers, and their ratio.
    Guard {
        #[command(flatten)]
        volume: Volume,
        #[command(flatten)]
        tuning: Tuning,
        /// Fails when flow is less than so much of the floor.
        #[arg(long, value_name = "RATIO", default_value_t = 0.0)]
        at_least: f64,
    },
    /// Orders at a fixed rate, and how long until each step is done with them.
    Latency(Rate),
    /// Many orders for few units of one SKU, through the real inventory in a process for each core: decisions a second.
    FlashSale(Sale),
    /// The flow with 100,000 and 1,000,000 orders in the tables already, against empty ones.
    Growth(Growth),
    /// The flow with 1, 2 and 4 processes of each worker on the same cores.
    Replicas(Volume),
    /// The flow with metrics, and the traces of 1 % of its orders, sent to a collector, against the flow with neither.
    Telemetry(Volume),
    /// Orders over HTTP through the real gateway.
    Gateway(Crowd),
    /// How soon a worker's process consumes, and how soon `despatch up`, built beside this, accepts an order.
    Start,
    /// A day's load, compressed, with 1, 2 and 4 processes and with as many as KEDA's formula asks for: the lag over time.
    /// Each day is made once, whatever --runs says.
    Autoscale(Scaling),
    /// How many instructions an event costs where no server is asked: under valgrind, which has to be installed.
    Instructions {
        /// Fails when a path takes more than so many instructions, e.g. encode=4000.
        #[arg(long, value_name = "PATH=N", value_parser = limit)]
        at_most: Vec<(Hot, u64)>,
    },
    /// An SVG of what `guard --json` or `autoscale --json` has found, on standard output.
    Plot {
        /// The JSON; `-` for standard input.
        results: PathBuf,
    },
    /// What the benchmarks run as processes of their own.
    #[command(hide = true)]
    Worker,
    /// The same, for counting its instructions.
    #[command(hide = true)]
    Hot { path: Hot, times: u32 },
}

/// A path that every event takes in our own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Hot {
    /// A follow-on gets its id and address.
    Address,
    /// An event becomes headers, and the row that the journal keeps of it.
    Encode,
    /// Headers become an event with its id and its place in a trace.
    Read,
}

impl std::fmt::Display for Hot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Hot::Address => "address",
            Hot::Encode => "encode",
            Hot::Read => "read",
        })
    }
}

fn limit(text: &str) -> Result<(Hot, u64), String> {
    let (path, limit) = text.split_once('=').ok_or("expected PATH=N")?;
    Ok((clap::ValueEnum::from_str(path, false)?, limit.parse().map_err(|_| "expected a number after =")?))
}

/// How much work a run is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Volume {
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

/// How orders come at a fixed rate.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Rate {
    /// Orders a second.
    #[arg(long, default_value_t = 20.0, value_name = "N", value_parser = above_zero)]
    pub(crate) rate: f64,
    /// For how long.
    #[arg(long, default_value_t = 30.0, value_name = "N", value_parser = above_zero)]
    pub(crate) seconds: f64,
}

/// A sale.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Sale {
    /// Orders, of one unit each.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Units that there are.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) units: usize,
    /// Orders that warm up, for something else.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    pub(crate) warm_up: usize,
}

/// How the flow is measured over full tables.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Growth {
    #[command(flatten)]
    pub(crate) volume: Volume,
    /// Orders in the tables, separated by commas.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    pub(crate) levels: Vec<usize>,
    /// With 3,000,000 orders too: takes some 15 GB of disk.
    #[arg(long)]
    pub(crate) full: bool,
}

/// Who comes to the gateway.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Crowd {
    /// Orders in each measured run.
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Orders that warm up before each of them.
    #[arg(long, default_value_t = 5_000, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = at_least_one)]
    pub(crate) connections: usize,
}

/// A day, and who handles what comes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Scaling {
    /// How long the day lasts.
    #[arg(long, default_value_t = 120.0, value_name = "N", value_parser = above_zero)]
    pub(crate) seconds: f64,
    /// Messages a second in the evening.
    #[arg(long, default_value_t = 480.0, value_name = "N", value_parser = above_zero)]
    pub(crate) peak: f64,
    /// How long the carrier takes to answer, in milliseconds.
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) answer_ms: u64,
    /// Numbers of processes that stay, separated by commas.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 2, 4], value_parser = at_least_one)]
    pub(crate) fixed: Vec<usize>,
    /// Messages for which the scaler takes one process, separated by commas: a day each.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [LAG_THRESHOLD],
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lag_threshold: Vec<u64>,
    /// How many times as fast as in a cluster the scaler's clock goes, up to 30.
    #[arg(long, default_value_t = 30.0, value_name = "N", value_parser = clock)]
    pub(crate) clock: f64,
}

/// The scaler takes its turns when the lag is read, so they cannot be closer together.
fn clock(text: &str) -> Result<f64, String> {
    let fastest = SYNC.div_duration_f64(LOOK);
    match above_zero(text)? {
        times if (1.0..=fastest).contains(&times) => Ok(times),
        _ => Err(format!("between 1 and {fastest}")),
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        Ok(_) => Err("above zero".to_owned()),
        Err(error) => Err(format!("{error}")),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
