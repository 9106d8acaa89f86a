//! The concurrency key of a case, and how a report names its event.

use despatch_contracts::EventId;
use despatch_runtime::ConcurrencyKeys;
use uuid::Uuid;

/// A report's event id is none.
#[derive(Debug, thiserror::Error)]
#[error("event_id: expected a UUID, found {0:?}")]
pub(crate) struct InvalidEventId(String);

/// The id of the event that a report is about.
pub(super) fn event_id(text: &str) -> Result<Uuid, InvalidEventId> {
    EventId::parse(text).map(EventId::uuid).ok_or_else(|| InvalidEventId(text.to_owned()))
}

/// The key of a case: the dead letters and outcomes of one event and handler are recorded one after the other.
pub(super) fn case_key(handler: &str, event_id: &str) -> ConcurrencyKeys {
    ConcurrencyKeys::none().and("case", &format!("{handler} {event_id}"))
}
