//! `exceptions.settle`: a replay that succeeded resolves its case. One that failed has a dead letter of its own.

use despatch_contracts::runtime::Settled;
use despatch_domain::Reason;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, HandlerError, Tx, Verdict};

use super::{open, store};

/// Resolves cases whose event was handled after all.
pub(crate) struct Settle;

/// Why an outcome was not noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettleError {
    #[error("event_id: expected a UUID, found {0:?}")]
    NoEvent(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for SettleError {
    fn verdict(&self) -> Verdict {
        match self {
            SettleError::NoEvent(_) => Verdict::Reject(Reason::PayloadUndecodable),
            SettleError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Settle {
    const NAME: &'static str = "exceptions.settle";
    type In = Settled;
    type Out = ();
    type Error = SettleError;

    fn keys(&self, settled: &Settled) -> ConcurrencyKeys {
        open::keys(&settled.handler, &settled.event_id)
    }

    async fn record(&self, settled: &Settled, tx: &Tx<'_>) -> Result<(), SettleError> {
        if settled.outcome != "done" {
            return Ok(());
        }
        let id = open::event_id(&settled.event_id)
            .ok_or_else(|| SettleError::NoEvent(settled.event_id.clone()))?;
        // Most are retries that never came to a case.
        store::succeeded(tx, &settled.handler, id, settled.generation).await?;
        Ok(())
    }
}
