//! The command line.

mod case;
mod config;
mod doctor;
mod events;
mod examples;
mod exceptions;
mod expected;
mod filter;
mod gateway;
mod global;
mod goods;
mod groups;
mod help;
mod hints;
mod import;
mod items;
#[cfg(feature = "local")]
mod local;
mod locations;
mod orders;
mod replays;
mod retries;
mod stock;
mod stock_request;
mod time;

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

pub(crate) use case::{ByArgs, WaitArgs};
pub(crate) use config::{CheckArgs, ConfigArgs, ConfigCommand};
pub(crate) use doctor::DoctorArgs;
pub(crate) use events::{EventsCommand, TailArgs};
pub(crate) use exceptions::{DecisionArgs, ExceptionsCommand, ListArgs};
pub(crate) use expected::{
    EndExpectedArgs, ExpectedArgs, ExpectedCommand, ListExpectedArgs, SetExpectedArgs, ShowExpectedArgs,
};
pub(crate) use filter::FilterArgs;
pub(crate) use gateway::GatewayArgs;
pub(crate) use global::{DEFAULT_DIR, GlobalArgs};
pub(crate) use goods::GoodsCommand;
pub(crate) use groups::groups;
pub(crate) use hints::instead;
pub(crate) use import::ImportArgs;
pub(crate) use items::{ItemsCommand, ListItemsArgs, SetItemArgs, yes_or_no};
#[cfg(feature = "local")]
pub(crate) use local::{DemoArgs, LogsArgs, SandboxArgs, UpArgs};
pub(crate) use locations::{ListLocationsArgs, LocationsCommand, SetLocationArgs};
pub(crate) use orders::{
    CancelOrderArgs, CollectedOrderArgs, ListOrdersArgs, OrdersCommand, RefundArgs, RefundOrderArgs,
};
pub(crate) use replays::{CreateReplayArgs, ReplayArgs, ReplaysCommand};
pub(crate) use retries::{RetriesCommand, RetryArgs};
pub(crate) use stock::{
    AdjustArgs, ArriveArgs, CountArgs, ExplainArgs, ListStockArgs, ReceiveArgs, StockCommand, TransferArgs,
};
pub(crate) use stock_request::{FileArgs, RequestArgs};
pub(crate) use time::moment;
use time::since;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "despatch",
    about = "Carries an online shop's orders from checkout to the customer's door.",
    disable_help_flag = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// Without one the program says what runs here and what there is to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The command line, with the names of these workers.
pub(crate) fn command_line(workers: &[&'static str]) -> clap::Command {
    help::command_line(Cli::command(), workers)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: servers, workers, gateway.
    ///
    /// Starts a private NATS and PostgreSQL, every worker and the gateway in one process. The sandbox stands in for
    /// providers that are not configured. All data is in the data directory, the log in its `up.log`.
    #[cfg(feature = "local")]
    Up(UpArgs),
    /// Carry sample orders to their ends, and audit the result.
    ///
    /// Runs over private servers and stand-in providers, then audits the result. Started again in the same directory,
    /// it continues where it was stopped.
    #[cfg(feature = "local")]
    Demo(DemoArgs),
    /// Stop the `up` or `demo` of this directory, and wait for its end.
    #[cfg(feature = "local")]
    Stop,
    /// Print the log of `despatch up`.
    #[cfg(feature = "local")]
    #[command(alias = "log")]
    Logs(LogsArgs),
    /// Print the API key of `despatch up`.
    #[cfg(feature = "local")]
    Key,
    /// Run workers over servers that exist, until SIGTERM.
    ///
    /// Runs one or several workers in this process, for instance in a container. Without names it runs all of them.
    Run {
        /// The workers to run [default: all].
        workers: Vec<String>,
    },
    /// Place the orders of a file.
    ///
    /// Reads the form of data/superstore.csv, or JSON lines of POST /v1/orders. An order that is there already stays
    /// as it is, so an import can be repeated.
    Import(ImportArgs),
    /// Say how the shop does today, and what waits.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List, show and cancel orders.
    #[command(subcommand, alias = "order")]
    Orders(OrdersCommand),
    #[command(flatten)]
    Goods(GoodsCommand),
    /// Decide on events that a worker could not handle, one by one.
    ///
    /// Each event that a handler could not finish is a case. It waits here until a person decides.
    #[command(subcommand, aliases = ["exception", "cases", "case"])]
    Exceptions(ExceptionsCommand),
    /// Replay many cases at once.
    ///
    /// Create a set of cases, look at it, start it, and watch it.
    #[command(subcommand, alias = "replay")]
    Replays(ReplaysCommand),
    /// Look at events that wait for their next try.
    #[command(subcommand, alias = "retry")]
    Retries(RetriesCommand),
    /// Publish again what was recorded since a time.
    ///
    /// For a broker that lost events in a way that workers cannot notice by themselves. Events that were handled are not
    /// handled again.
    Recover {
        /// An instant, e.g. 2026-11-22T08:00:00Z, or an age, e.g. 90m, 12h or 3d.
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Timestamp,
        /// Only this worker's events.
        #[arg(long)]
        worker: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Watch events as they happen.
    #[command(subcommand, alias = "event")]
    Events(EventsCommand),
    /// Check servers, processes and providers, and say what to do.
    ///
    /// Leaves nothing changed. `-q` prints only findings. Ends with status 1 when a check fails.
    Doctor(DoctorArgs),
    /// Ask running workers whether they are ready.
    ///
    /// The health check of a container without a shell. Ends with status 1 when they are not ready.
    Probe {
        /// The address to ask [default: /readyz of this machine, at the port of health.listen].
        url: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stand in for Stripe, Shippo and a mail server, until SIGTERM.
    ///
    /// For trying despatch, never for real orders.
    #[cfg(feature = "local")]
    Sandbox(SandboxArgs),
    /// Bring every worker's schema up to date.
    ///
    /// Gives each schema to a role of its own.
    Migrate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print what each worker may do, for a server's configuration.
    #[command(subcommand, alias = "permission")]
    Permissions(PermissionsCommand),
    /// Create or correct the stream and every consumer.
    Provision {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration, or check it.
    ///
    /// Without a command it prints the default configuration, with a comment on each key.
    #[command(args_conflicts_with_subcommands = true)]
    Config(ConfigArgs),
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual, or write a page for each command.
    ///
    /// Prints the page despatch(1) as troff. With a directory, writes a page for each command into it.
    Man {
        /// The directory, which is created.
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionsCommand {
    /// The users of an account of NATS: one for each worker, one that provisions, one for operators.
    Nats {
        /// Where their NKeys are, a file for each; those that are missing are made.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKERS: [&str; 4] = ["gateway", "orders", "payments", "labels"];

    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        found.push((path.to_owned(), command.clone()));
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            all(inner, format!("{path} {}", inner.get_name()).trim_start(), found);
        }
    }

    fn every_command() -> Vec<(String, clap::Command)> {
        let mut root = command_line(&WORKERS);
        root.build();
        let mut found = Vec::new();
        all(&root, "", &mut found);
        found
    }

    #[test]
    fn clap_finds_nothing_wrong_with_it() {
        command_line(&WORKERS).debug_assert();
    }

    /// With every command that there is.
    #[cfg(feature = "local")]
    #[test]
    fn every_command_has_examples_and_each_is_a_command_line() {
        let commands = every_command();
        for (path, _) in commands.iter().filter(|(_, command)| !command.has_subcommands()) {
            assert!(examples::of(path).is_some(), "`despatch {path}` has no example in args/examples.rs");
        }
        for line in examples::lines() {
            // The rest is the shell's.
            let own = line.split(['>', '|']).next().unwrap_or_default();
            let words = own.split_whitespace().map(|word| word.trim_matches('\''));
            let parsed = command_line(&WORKERS).try_get_matches_from(["despatch"].into_iter().chain(words));
            if let Err(error) = parsed {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn every_command_is_in_a_group() {
        let root = command_line(&WORKERS);
        let (_, more) = groups::groups(&root).pop().unwrap();
        let known = ["config", "completions", "man"];
        for command in more {
            assert!(known.contains(&command.get_name()), "put `{}` into a group", command.get_name());
        }
    }
}
