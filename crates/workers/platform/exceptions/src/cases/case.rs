//! A case: one event of one handler that failed for good, with its state and its history.

use std::error::Error;
use std::fmt;

use despatch_contracts::order::OrderPlaced;
use despatch_contracts::runtime::Failure;
use despatch_contracts::{Event as _, Subject};
use despatch_domain::{Currency, Money, Priority, Queue};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// The identity of a case: an event and the handler that failed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct CaseId {
    /// E.g. `labels.create`.
    pub handler: String,
    /// The event's id; the same through every retry and replay.
    pub event_id: Uuid,
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.handler, self.event_id)
    }
}

/// The state of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseState {
    /// No person has claimed it.
    Open,
    /// One person works on it.
    Claimed,
    /// Nothing is left to do.
    Resolved,
}

impl CaseState {
    /// Every state.
    pub const ALL: [CaseState; 3] = [CaseState::Open, CaseState::Claimed, CaseState::Resolved];

    /// The name, as in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            CaseState::Open => "open",
            CaseState::Claimed => "claimed",
            CaseState::Resolved => "resolved",
        }
    }
}

impl<'a> FromSql<'a> for CaseState {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = CaseState::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| format!("expected the state of a case, found {name:?}").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// A case as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The short number that people say and type, from 1. It never changes.
    pub number: i64,
    /// The event and the handler.
    #[serde(flatten)]
    pub id: CaseId,
    /// The handler's worker.
    pub worker: String,
    /// The subject of the event, e.g. `order/1001`; empty for nothing in particular.
    pub subject: String,
    /// The event's type, e.g. `stock.picked`.
    pub event_type: String,
    /// The reason code of the last failure.
    pub reason: String,
    /// The error text of the last failure.
    pub error: String,
    /// How many attempts failed so far.
    pub attempts: i32,
    /// The generation that failed last.
    pub generation: i32,
    /// The trace that the event belongs to.
    pub trace_id: String,
    /// The queue of the team that owns it.
    #[serde(serialize_with = "name")]
    pub queue: Queue,
    /// How soon a person should look at it.
    #[serde(serialize_with = "name")]
    pub priority: Priority,
    /// The shop of the order, where the event carries the order.
    pub shop: Option<String>,
    /// The shop's own number of the order, where the event carries the order.
    pub shop_order_id: Option<String>,
    /// The order's total in minor units, where the event carries it.
    pub value_minor: Option<i64>,
    /// The total's ISO 4217 code.
    pub currency: Option<String>,
    /// When the service level of its reason ends.
    pub due: Timestamp,
    /// Its state.
    pub state: CaseState,
    /// The person who claimed it.
    pub claimed_by: Option<String>,
    /// How it was resolved: `replayed`, `discarded`, `order-cancelled`, or `recovered` for an outage.
    pub resolution: Option<String>,
    /// When its first dead letter was recorded.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Case {
    /// The order that the event is about, if it is about one.
    pub fn order_id(&self) -> Option<&str> {
        Subject::parse(&self.subject).order_id()
    }

    /// Whether it is about an order that was accepted: the order of `order.placed` never was.
    pub fn has_accepted_order(&self) -> bool {
        self.order_id().is_some() && self.event_type != OrderPlaced::TYPE
    }

    /// The order as people name it, e.g. `superstore/CA-2016-138688`, where the event carries the order.
    pub fn shop_order(&self) -> Option<String> {
        Some(format!("{}/{}", self.shop.as_deref()?, self.shop_order_id.as_deref()?))
    }

    /// The order's total, where the event carries it.
    pub fn worth(&self) -> Option<Money> {
        Some(Money::new(self.value_minor?, Currency::parse(self.currency.as_deref()?).ok()?))
    }
}

fn name<S: Serializer>(named: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(named)
}

/// The unresolved cases of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCounts {
    /// The queue.
    pub queue: Queue,
    /// How many cases are not resolved.
    pub unresolved: i64,
    /// How many of them are past their due time.
    pub overdue: i64,
}

/// One entry of a case's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// From 1, without gaps.
    pub seq: i32,
    /// When it was recorded.
    pub at: Timestamp,
    /// A person, or the handler that recorded it.
    pub actor: String,
    /// `failed`, `succeeded`, `claimed`, `released`, `noted`, `prioritised`, `replayed`, `edited`, `discarded`,
    /// `reopened`, `cancel-requested`, `order-cancelled`, or of an outage `out-of-service` and `recovered`.
    pub kind: String,
    /// The case's generation at that time.
    pub generation: i32,
    /// The reason code of a failure.
    pub reason: String,
    /// The error, the note, or the reason for the decision.
    pub detail: String,
}

/// One failed attempt at the event: the first delivery, an automatic retry or a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedAttempt {
    /// Its generation: each retry and each replay has the next one.
    pub generation: u32,
    /// How many attempts had counted by then; a deferral does not count.
    pub attempt: u32,
    /// When it failed, by the clock of the worker's database.
    pub at: Option<Timestamp>,
    /// `retry`, `retry-after`, `defer`, `reject`, or `cancel` for a retry that a person cancelled.
    pub verdict: String,
    /// The error text.
    pub error: String,
}

impl From<Failure> for FailedAttempt {
    fn from(failure: Failure) -> Self {
        let Failure { attempt, generation, at, error, verdict } = failure;
        let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        FailedAttempt { generation, attempt, at, verdict, error }
    }
}
