//! `exceptions.resolve`: a replay that succeeded resolves its case. One that failed has a dead letter of its own.

use despatch_contracts::runtime::Settled;
use despatch_domain::Reason;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, HandlerError, Tx, Verdict};

use super::key::{InvalidEventId, case_key, event_id};
use super::store;

/// Resolves cases whose event was handled by a replay.
pub(crate) struct Resolve;

/// Why an outcome was not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error(transparent)]
    EventId(#[from] InvalidEventId),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for ResolveError {
    fn verdict(&self) -> Verdict {
        match self {
            ResolveError::EventId(_) => Verdict::Reject(Reason::PayloadUndecodable),
            ResolveError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Resolve {
    const NAME: &'static str = "exceptions.resolve";
    type In = Settled;
    type Out = ();
    type Error = ResolveError;

    fn keys(&self, settled: &Settled) -> ConcurrencyKeys {
        case_key(&settled.handler, &settled.event_id)
    }

    async fn record(&self, settled: &Settled, tx: &Tx<'_>) -> Result<(), ResolveError> {
        if settled.outcome != "done" {
            return Ok(());
        }
        let event_id = event_id(&settled.event_id)?;
        // Most outcomes are of automatic retries, which have no case.
        store::record_success(tx, &settled.handler, event_id, settled.generation).await?;
        Ok(())
    }
}
