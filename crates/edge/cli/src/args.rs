//! The command line.

mod exceptions;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;
use uuid::Uuid;

use exceptions::age;
pub(crate) use exceptions::{
    CaseArgs, ExceptionsCommand, FilterArgs, FreezeArgs, JobArgs, JobsCommand, ListArgs,
};

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
    Up(UpArgs),
    /// Run workers over servers that exist, until SIGTERM. Without names: all of them.
    Run {
        /// gateway, orders, inventory, payments, labels, notifications, reviews, exceptions.
        workers: Vec<String>,
    },
    /// Carry real orders from placed to reviewed over private servers and stand-in providers, and balance the books.
    Demo(DemoArgs),
    /// Place the orders of a file: data/superstore.csv's form, or JSON lines of POST /v1/orders.
    Import(ImportArgs),
    /// Look at orders.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Work on what could not be finished: one case for each event of each handler.
    #[command(subcommand)]
    Exceptions(ExceptionsCommand),
    /// Look at what waits for its next try, and have it tried now.
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

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Let the stand-in providers misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) faults: Option<u64>,
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
pub(crate) struct SandboxArgs {
    /// The address to listen on. Ports: 9000 counts and faults, 9001 Stripe, 9002 Shippo, 9025 mail.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) listen: IpAddr,
    /// The name under which others reach it; part of the links to labels.
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST")]
    pub(crate) host: String,
    /// The gateway, which is sent the carrier's scans.
    #[arg(long, value_name = "URL", requires = "webhook_token")]
    pub(crate) gateway: Option<String>,
    /// One of the gateway's shippo.webhook_tokens.
    #[arg(long, env = "DESPATCH_SANDBOX_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) webhook_token: Option<String>,
    /// Misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) faults: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many of the 5,009 orders.
    #[arg(long, value_name = "N")]
    pub(crate) orders: Option<usize>,
    /// Let the stand-in providers misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) faults: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A .csv in the form of data/superstore.csv, or JSON lines.
    pub(crate) file: PathBuf,
    /// Place only the first N orders.
    #[arg(long, value_name = "N")]
    pub(crate) orders: Option<usize>,
    /// Book the units that these orders want as received first.
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
pub(crate) enum OrderCommand {
    /// Show one order: state, timeline, payment, parcels, messages, and what is stuck.
    Show {
        /// The order's id, or SHOP/SHOP-ORDER-ID.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

fn since(text: &str) -> Result<Timestamp, String> {
    let ago = |age| Timestamp::now().checked_sub(age).map_err(|error| error.to_string());
    match (text.parse(), age(text)) {
        (Ok(instant), _) => Ok(instant),
        (_, Ok(age)) => ago(age),
        _ => Err("expected an instant, e.g. 2026-11-22T08:00:00Z, or an age, e.g. 12h".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetriesCommand {
    /// List what waits, the next first.
    List {
        /// Only this worker's.
        #[arg(long)]
        worker: Option<String>,
        /// How many at most, of each worker.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have what waits tried now, for instance when a provider is back.
    RunNow {
        #[command(flatten)]
        which: WaitingArgs,
        /// Do it; without, more than one event is only counted.
        #[arg(long)]
        yes: bool,
    },
    /// Withdraw what waits: it is not tried again by itself, and becomes a case.
    Cancel {
        #[command(flatten)]
        which: WaitingArgs,
        /// Who decides; kept in the case's history.
        #[arg(long, env = "USER", value_name = "WHO")]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Do it; without, more than one event is only counted.
        #[arg(long)]
        yes: bool,
    },
}

/// Which of what waits.
#[derive(Debug, Args)]
pub(crate) struct WaitingArgs {
    /// Only this event.
    pub(crate) event: Option<Uuid>,
    /// Only this worker's.
    #[arg(long)]
    pub(crate) worker: Option<String>,
    /// Only this handler's, e.g. labels.create.
    #[arg(long)]
    pub(crate) handler: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Print events as they are published.
    Tail {
        /// An order's id, or a subject such as `evt.payment.*` or `dead.>`; by default every event and dead letter.
        filter: Option<String>,
    },
}
