//! Which cases a list has, and where its next page begins.

use std::fmt;
use std::str::FromStr;

use despatch_domain::{Money, Priority, Queue};
use jiff::Timestamp;

use super::case::{Case, CaseId, CaseState};

/// Which cases to list. A field that is `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// `None` for every case that is not resolved.
    pub state: Option<CaseState>,
    /// The queue of the team that owns them.
    pub queue: Option<Queue>,
    /// A reason code.
    pub reason: Option<String>,
    /// The handler that failed, e.g. `labels.create`.
    pub handler: Option<String>,
    /// The handler's worker, e.g. `labels`.
    pub worker: Option<String>,
    /// Their subject, e.g. `order/1001`.
    pub subject: Option<String>,
    /// The person who claimed them.
    pub claimed_by: Option<String>,
    /// Opened before this instant.
    pub opened_before: Option<Timestamp>,
    /// Words that the last failure and the event's contents contain between them: all of the words, in upper or lower
    /// case. A word that ends with a star is the beginning of one: `SKU-17 hea*`.
    pub text: Option<String>,
    /// The least total of the order, in this currency.
    pub worth: Option<Money>,
}

impl fmt::Display for CaseFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CaseFilter {
            state,
            queue,
            reason,
            handler,
            worker,
            subject,
            claimed_by,
            opened_before,
            text,
            worth,
        } = self;
        f.write_str(state.map_or("unresolved", CaseState::name))?;
        let parts = [
            ("queue", queue.map(|queue| queue.name().to_owned())),
            ("reason", reason.clone()),
            ("handler", handler.clone()),
            ("worker", worker.clone()),
            ("subject", subject.clone()),
            ("claimed by", claimed_by.clone()),
            ("opened before", opened_before.map(|before| format!("{before:.0}"))),
            ("text", text.clone()),
            ("worth at least", worth.map(|worth| worth.to_string())),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

/// Where the next page of a list begins: after this case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) priority: Priority,
    pub(super) due: Timestamp,
    pub(super) id: CaseId,
}

impl Cursor {
    /// The place after a case.
    pub fn after(case: &Case) -> Self {
        Cursor { priority: case.priority, due: case.due, id: case.id.clone() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cursor { priority, due, id } = self;
        write!(f, "{}/{due}/{}/{}", priority.name(), id.event_id, id.handler)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let wrong = || format!("expected the `next` of an earlier list, found {text:?}");
        let [priority, due, event_id, handler] = parts[..] else { return Err(wrong()) };
        Ok(Cursor {
            priority: Priority::parse(priority).ok_or_else(wrong)?,
            due: due.parse().map_err(|_| wrong())?,
            id: CaseId { handler: handler.to_owned(), event_id: event_id.parse().map_err(|_| wrong())? },
        })
    }
}
