//! What a case is.

use std::error::Error;
use std::fmt;

use despatch_contracts::runtime::Failure;
use despatch_domain::{Priority, Queue};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// RetryFilter event of which handler.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Id {
    /// E.g. `labels.create`.
    pub handler: String,
    /// The event's id; the same through every retry and replay.
    pub event_id: Uuid,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.handler, self.event_id)
    }
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody has it in hand.
    Open,
    /// Somebody has.
    Claimed,
    /// Nothing is left to do.
    Resolved,
}

impl State {
    /// Every state.
    pub const ALL: [State; 3] = [State::Open, State::Claimed, State::Resolved];

    /// The name, as it stands in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Claimed => "claimed",
            State::Resolved => "resolved",
        }
    }
}

impl<'a> FromSql<'a> for State {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = State::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| format!("{name:?} is no state of a case").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// A case as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// RetryFilter event of which handler.
    #[serde(flatten)]
    pub id: Id,
    /// The handler's worker.
    pub worker: String,
    /// The order that it is about; empty when the event names none.
    pub order_id: String,
    /// The event's type, e.g. `stock.picked`.
    pub event_type: String,
    /// The reason code of the last failure.
    pub reason: String,
    /// What the last failure said.
    pub error: String,
    /// Tries so far.
    pub attempts: i32,
    /// The generation that failed last.
    pub generation: i32,
    /// The trace that the event belongs to.
    pub trace_id: String,
    /// Whose it is.
    #[serde(serialize_with = "name")]
    pub queue: Queue,
    /// How soon somebody should look.
    #[serde(serialize_with = "name")]
    pub priority: Priority,
    /// What the order is worth in minor units, where the event carries it.
    pub value_minor: Option<i64>,
    /// The ISO 4217 code that goes with it.
    pub currency: Option<String>,
    /// By when the queue's service level wants it resolved.
    pub due: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who has it in hand.
    pub claimed_by: Option<String>,
    /// How it ended: `replayed`, `discarded` or `order-cancelled`.
    pub resolution: Option<String>,
    /// When the event failed first.
    pub opened_at: Timestamp,
    /// When anything last happened to the case.
    pub updated_at: Timestamp,
}

fn name<S: Serializer>(named: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(named)
}

/// One entry of a case's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: i32,
    /// When it was recorded.
    pub at: Timestamp,
    /// A person, or the handler that found out.
    pub who: String,
    /// `failed`, `succeeded`, `claimed`, `released`, `noted`, `prioritised`, `replayed`, `edited`, `discarded`,
    /// `reopened`, `cancel-asked` or `order-cancelled`.
    pub kind: String,
    /// The generation that the case was at.
    pub generation: i32,
    /// The reason code of a failure.
    pub reason: String,
    /// The error, the note, or why it was decided so.
    pub detail: String,
}

/// One try of the event that failed, whether it was tried again by itself or by somebody's replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// RetryFilter generation it was: each retry and replay is the next.
    pub generation: u32,
    /// How many tries had counted by then; a deferral does not.
    pub attempt: u32,
    /// When it failed, by the worker's database.
    pub at: Option<Timestamp>,
    /// `retry`, `retry-after`, `defer`, `reject`, or `cancel` for a retry that somebody withdrew.
    pub verdict: String,
    /// What was said.
    pub error: String,
}

impl From<Failure> for Try {
    fn from(failure: Failure) -> Self {
        let Failure { attempt, generation, at, error, verdict } = failure;
        let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        Try { generation, attempt, at, verdict, error }
    }
}
