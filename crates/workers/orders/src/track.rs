//! `orders.track`: every fact about an order moves its state machine, and what follows from that is said.

use despatch_contracts::Incoming as _;
use despatch_contracts::order::{OrderCompleted, OrderReturned};
use despatch_contracts::payment::RefundRequested;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Fault, Handler, Tx, Verdict};

use crate::NOT_YET;
use crate::heard::{Heard, NoParcel};
use crate::state::State;
use crate::store::{self, Note};

/// Follows an order from its acceptance to its end.
#[derive(Debug)]
pub(crate) struct Track;

/// Why a fact was not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrackError {
    /// Facts may overtake the order's acceptance.
    #[error("the order has not been accepted yet")]
    NotYet,
    #[error(transparent)]
    NoParcel(#[from] NoParcel),
    /// The state machine leaves it to a person. The carrier's words, which may name people, stay in the event.
    #[error("{event_type} for an order that is {state}")]
    Case { reason: Reason, event_type: &'static str, state: State },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Fault for TrackError {
    fn verdict(&self) -> Verdict {
        match self {
            TrackError::NotYet => Verdict::Defer(NOT_YET),
            TrackError::NoParcel(_) => Verdict::Reject(Reason::PayloadUndecodable),
            TrackError::Case { reason, .. } => Verdict::Reject(*reason),
            TrackError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Track {
    const NAME: &'static str = "orders.track";
    type In = Heard;
    type Out = (Option<OrderCompleted>, Option<OrderReturned>, Option<RefundRequested>);
    type Error = TrackError;

    async fn record(&self, event: &Heard, tx: &Tx<'_>) -> Result<Self::Out, TrackError> {
        let account = event.account()?;
        let order_id = event.order_id();
        let mut progress = store::progress(tx, order_id).await?.ok_or(TrackError::NotYet)?;
        let step = progress.lifecycle.apply(account.fact).map_err(|reason| TrackError::Case {
            reason,
            event_type: account.event_type,
            state: progress.lifecycle.state(),
        })?;
        let note = Note { event_type: account.event_type, detail: &account.detail };
        store::advance(tx, order_id, &progress, &step, &note).await?;

        let (order_id, reason) = (order_id.to_owned(), step.reason.to_string());
        let completed = step.enters(State::Completed).then(|| OrderCompleted { order_id: order_id.clone() });
        let returned = step
            .enters(State::Returned)
            .then(|| OrderReturned { order_id: order_id.clone(), reason: reason.clone() });
        let refund = step.refund.then_some(RefundRequested { order_id, reason });
        Ok((completed, returned, refund))
    }
}
