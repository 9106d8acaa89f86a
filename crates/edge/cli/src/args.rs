//! The command line.

mod case;
mod exceptions;
mod filter;
#[cfg(feature = "local")]
mod local;
mod replays;
mod retries;
mod time;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

pub(crate) use case::{ByArgs, WaitArgs};
pub(crate) use exceptions::{DecisionArgs, ExceptionsCommand, ListArgs};
pub(crate) use filter::FilterArgs;
#[cfg(feature = "local")]
pub(crate) use local::{DemoArgs, SandboxArgs, UpArgs};
pub(crate) use replays::{CreateReplayArgs, ReplayArgs, ReplaysCommand};
pub(crate) use retries::{RetriesCommand, RetryArgs};
use time::since;

/// Carries an online shop's orders from checkout to the customer's door.
#[derive(Debug, Parser)]
#[command(name = "despatch", version, about)]
pub(crate) struct Cli {
    /// The configuration file; `despatch config` prints every key with its default.
    #[arg(long, global = true, env = "DESPATCH_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where private servers keep their data.
    #[arg(long, global = true, env = "DESPATCH_DATA_DIR", default_value = ".despatch", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: private servers, every worker, the gateway.
    #[cfg(feature = "local")]
    Up(UpArgs),
    /// Run workers over servers that exist, until SIGTERM. Without names: all of them.
    Run {
        /// The workers' names; the help lists them.
        workers: Vec<String>,
    },
    /// Carry real orders from placed to reviewed over private servers and stand-in providers, and audit the result.
    #[cfg(feature = "local")]
    Demo(DemoArgs),
    /// Place the orders of a file: data/superstore.csv's form, or JSON lines of POST /v1/orders.
    Import(ImportArgs),
    /// Look at orders.
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// Work on what could not be finished: one case for each event of each handler.
    #[command(subcommand)]
    Exceptions(ExceptionsCommand),
    /// Replay many cases: create a set, look at it, start it, watch it.
    #[command(subcommand)]
    Replays(ReplaysCommand),
    /// Look at events that wait for their next try; retry them now, or cancel that.
    #[command(subcommand)]
    Retries(RetriesCommand),
    /// Publish again what was recorded since a time, for a broker that lost it. Workers notice a loss by themselves;
    /// this is for one that they cannot see. What was handled is not handled again.
    Recover {
        /// An instant, e.g. 2026-11-22T08:00:00Z, or how long ago, e.g. 90m, 12h or 3d.
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Timestamp,
        /// Only this worker's.
        #[arg(long)]
        worker: Option<String>,
    },
    /// Watch what happens.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Look everything over (servers, schemas, the stream, its consumers, clocks) and say what to do. Changes nothing.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask a running `despatch run` whether it is ready: the health check of a container that has no shell.
    Probe {
        /// What to ask; by default /readyz at this machine, at the port of health.listen.
        url: Option<String>,
    },
    /// Stand in for Stripe, Shippo and a mail server, until SIGTERM: for trying despatch, never for real orders.
    #[cfg(feature = "local")]
    Sandbox(SandboxArgs),
    /// Bring every worker's schema up to date, and give each to a role of its own.
    Migrate,
    /// Print what each worker may do, for a server's configuration.
    #[command(subcommand)]
    Permissions(PermissionsCommand),
    /// Create the stream and every consumer, or put them right.
    Provision,
    /// Print the annotated default configuration.
    Config,
    /// Print a shell's completions.
    Completions {
        /// bash, elvish, fish, powershell or zsh.
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionsCommand {
    /// The users of an account of NATS: one for each worker, one that provisions, one for operators.
    Nats {
        /// Where their NKeys are, a file for each; those that are missing are made.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A .csv in the form of data/superstore.csv, or JSON lines.
    pub(crate) file: PathBuf,
    /// Place only the first N orders.
    #[arg(long, value_name = "N")]
    pub(crate) orders: Option<usize>,
    /// Book the units that these orders want as received first.
    #[cfg(feature = "local")]
    #[arg(long)]
    pub(crate) stock: bool,
    /// The gateway; by default the one that `despatch up` runs.
    #[arg(long, value_name = "URL", requires = "api_key")]
    pub(crate) url: Option<String>,
    /// The gateway's key.
    #[arg(long, env = "DESPATCH_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// Show one order: state, timeline, payment, parcels, messages, and what is stuck.
    Show {
        /// The order's id, or SHOP/SHOP-ORDER-ID.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Print events as they are published.
    Tail {
        /// An order's id, or a subject such as `evt.payment.*` or `dead.>`; by default every event and dead letter.
        filter: Option<String>,
    },
}
