//! The command line of `despatch exceptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use despatch_domain::{Currency, Money, Priority, Queue};
use despatch_exceptions::State;
use despatch_exceptions::store::Cursor;
use jiff::SignedDuration;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List cases, the most urgent first.
    List(ListArgs),
    /// Show a case: what happened, what to do, and its history.
    Show {
        #[command(flatten)]
        case: CaseArgs,
        /// Print JSON.
        #[arg(long, conflicts_with = "contents")]
        json: bool,
        /// Print only the event, as `edit` takes it.
        #[arg(long)]
        contents: bool,
    },
    /// Take an open case in hand.
    Claim(DecisionArgs),
    /// Put a claimed case back.
    Release(DecisionArgs),
    /// Add to a case's history.
    Note {
        #[command(flatten)]
        decision: DecisionArgs,
        /// What there is to say.
        text: String,
    },
    /// Change a case's priority.
    Priority {
        #[command(flatten)]
        decision: DecisionArgs,
        /// low, normal, high or urgent.
        #[arg(value_parser = priority)]
        priority: Priority,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Have the event handled once more, after what failed it was mended.
    Replay(DecisionArgs),
    /// Have the event handled once more as it should have been: put right what `show --contents` printed.
    Edit {
        #[command(flatten)]
        decision: DecisionArgs,
        /// The edited document; - for standard input.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Do it; without, the changes are only shown.
        #[arg(long)]
        yes: bool,
    },
    /// Have the case's order cancelled: what was paid goes back, its stock is free again, its customer is told.
    CancelOrder {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Resolve a case without handling its event.
    Discard {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Take a discard back.
    Undo(DecisionArgs),
    /// Replay many cases: freeze a set, look at it, start it, watch it.
    #[command(subcommand)]
    Jobs(JobsCommand),
}

#[derive(Debug, Args)]
pub(crate) struct CaseArgs {
    /// The handler that failed, e.g. labels.create.
    pub(crate) handler: String,
    /// The event's id.
    pub(crate) event: Uuid,
}

#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    pub(crate) case: CaseArgs,
    /// Who decides; kept in the history.
    #[arg(long, env = "USER", value_name = "WHO")]
    pub(crate) by: String,
}

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// payments, warehouse, carrier-desk, customer-service or engineering.
    #[arg(long, value_parser = queue)]
    pub(crate) queue: Option<Queue>,
    /// open, claimed or resolved; by default what is not resolved.
    #[arg(long, value_parser = state)]
    pub(crate) state: Option<State>,
    /// A reason code, e.g. stock-short.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// The handler that failed, e.g. labels.create.
    #[arg(long)]
    pub(crate) handler: Option<String>,
    /// The handler's worker.
    #[arg(long)]
    pub(crate) worker: Option<String>,
    /// An order's id.
    #[arg(long)]
    pub(crate) order: Option<String>,
    /// Who has them in hand.
    #[arg(long)]
    pub(crate) claimed_by: Option<String>,
    /// Opened longer ago than this, e.g. 90m, 12h or 3d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: Option<SignedDuration>,
    /// Words that the last failure and the event's contents have; a star ends the beginning of one, e.g. "SKU-17 hea*".
    #[arg(long, value_name = "WORDS")]
    pub(crate) text: Option<String>,
    /// Of orders worth at least this much, e.g. "500.00 USD".
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    pub(crate) worth: Option<Money>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
    /// Go on after an earlier list: its `next`.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<Cursor>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Freeze the cases that a filter finds into a set to replay. Nothing is replayed yet.
    Freeze(Box<FreezeArgs>),
    /// List the latest jobs.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a job: how far it is, and what was decided about it.
    Show {
        /// The job's number.
        job: i64,
        /// List its cases too, each with what became of it.
        #[arg(long)]
        items: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what would be replayed now, and what skipped and why.
    DryRun {
        /// The job's number.
        job: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Begin a frozen job.
    Start {
        #[command(flatten)]
        job: JobArgs,
        /// Do it; without, the cases are only counted.
        #[arg(long)]
        yes: bool,
    },
    /// Replay no more for now; what is under way ends by itself.
    Pause(JobArgs),
    /// Go on with a job that was paused or stopped by itself, from the beginning of its canary.
    Resume(JobArgs),
    /// Replay no more for good; what is under way ends by itself.
    Cancel(JobArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FreezeArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Replay, and wait for, so many first, then so many; then all the rest.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100", value_name = "N,N…")]
    pub(crate) canary: Vec<u32>,
    /// How many to replay in a second at most.
    #[arg(long, default_value_t = 50.0, value_name = "RATE")]
    pub(crate) per_second: f64,
    /// Stop when more than this share of a step fails again.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub(crate) stop_above: f64,
    /// Who decides; kept in the history of the job and of each case.
    #[arg(long, env = "USER", value_name = "WHO")]
    pub(crate) by: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job's number.
    pub(crate) job: i64,
    /// Who decides; kept in the job's history.
    #[arg(long, env = "USER", value_name = "WHO")]
    pub(crate) by: String,
}

fn amount(text: &str) -> Result<Money, String> {
    let (number, currency) =
        text.split_once(' ').ok_or(r#"expected an amount and a currency, e.g. "500.00 USD""#)?;
    let currency = Currency::parse(currency).map_err(|error| error.to_string())?;
    Money::parse(number, currency).map_err(|error| error.to_string())
}

fn queue(name: &str) -> Result<Queue, String> {
    named(Queue::parse(name), Queue::ALL.iter().map(|queue| queue.name()))
}

fn priority(name: &str) -> Result<Priority, String> {
    named(Priority::parse(name), Priority::ALL.iter().map(|priority| priority.name()))
}

fn state(name: &str) -> Result<State, String> {
    named(State::ALL.into_iter().find(|state| state.name() == name), State::ALL.map(State::name))
}

fn named<T>(found: Option<T>, names: impl IntoIterator<Item = &'static str>) -> Result<T, String> {
    found.ok_or_else(|| format!("expected one of {}", Vec::from_iter(names).join(", ")))
}

pub(super) fn age(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a number and m, h or d, e.g. 12h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let number: i32 = number.parse().map_err(|_| expected())?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(expected()),
    };
    Ok(SignedDuration::from_mins(i64::from(number) * minutes))
}
