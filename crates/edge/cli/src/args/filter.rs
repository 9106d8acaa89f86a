//! Which cases a command is about.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use despatch_domain::{Currency, Money, Queue, Reason};
use despatch_exceptions::CaseState;
use jiff::SignedDuration;

use super::time::age;

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// payments, warehouse, purchasing, carrier-desk, customer-service or engineering.
    #[arg(long, value_parser = queues(), hide_possible_values = true)]
    pub(crate) queue: Option<Queue>,
    /// open, claimed or resolved; by default what is not resolved.
    #[arg(long, value_parser = states(), hide_possible_values = true)]
    pub(crate) state: Option<CaseState>,
    /// A reason code, e.g. stock-short; `despatch exceptions reasons` lists them.
    #[arg(long, value_parser = reasons(), hide_possible_values = true)]
    pub(crate) reason: Option<String>,
    /// The handler that failed, e.g. labels.create.
    #[arg(long)]
    pub(crate) handler: Option<String>,
    /// The handler's worker.
    #[arg(long)]
    pub(crate) worker: Option<String>,
    /// An order: SHOP/NUMBER, or its id.
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

fn amount(text: &str) -> Result<Money, String> {
    let (number, currency) =
        text.split_once(' ').ok_or(r#"expected an amount and a currency, e.g. "500.00 USD""#)?;
    let currency = Currency::parse(currency).map_err(|error| error.to_string())?;
    Money::parse(number, currency).map_err(|error| error.to_string())
}

fn queues() -> impl TypedValueParser<Value = Queue> {
    let names = PossibleValuesParser::new(Queue::ALL.iter().map(|queue| queue.name()));
    names.try_map(|name| Queue::parse(&name).ok_or("no such queue"))
}

fn states() -> impl TypedValueParser<Value = CaseState> {
    let names = PossibleValuesParser::new(CaseState::ALL.map(CaseState::name));
    names.try_map(|name| CaseState::ALL.into_iter().find(|state| state.name() == name).ok_or("no such state"))
}

/// The reasons that an event can die of.
fn reasons() -> PossibleValuesParser {
    let reasons = Reason::ALL.iter().filter(|reason| reason.triage().is_some());
    PossibleValuesParser::new(reasons.map(|reason| reason.code()))
}
