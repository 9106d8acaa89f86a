//! Which cases a command is about.

use clap::Args;
use despatch_contracts::Subject;
use despatch_domain::{Currency, Money, Queue};
use despatch_exceptions::{CaseFilter, CaseState};
use jiff::{SignedDuration, Timestamp};

use super::time::age;

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// payments, warehouse, carrier-desk, customer-service or engineering.
    #[arg(long, value_parser = queue)]
    pub(crate) queue: Option<Queue>,
    /// open, claimed or resolved; by default what is not resolved.
    #[arg(long, value_parser = state)]
    pub(crate) state: Option<CaseState>,
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
    /// The person who claimed them.
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

impl FilterArgs {
    /// The filter that is asked for.
    pub(crate) fn filter(&self) -> Result<CaseFilter, jiff::Error> {
        Ok(CaseFilter {
            state: self.state,
            queue: self.queue,
            reason: self.reason.clone(),
            handler: self.handler.clone(),
            worker: self.worker.clone(),
            subject: self.order.as_deref().map(|order| Subject::order(order).into()),
            claimed_by: self.claimed_by.clone(),
            opened_before: self.older_than.map(|age| Timestamp::now().checked_sub(age)).transpose()?,
            text: self.text.clone(),
            worth: self.worth,
        })
    }
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

fn state(name: &str) -> Result<CaseState, String> {
    named(CaseState::ALL.into_iter().find(|state| state.name() == name), CaseState::ALL.map(CaseState::name))
}

/// What was found by its name, or the names that there are.
pub(super) fn named<T>(found: Option<T>, names: impl IntoIterator<Item = &'static str>) -> Result<T, String> {
    found.ok_or_else(|| format!("expected one of {}", Vec::from_iter(names).join(", ")))
}
