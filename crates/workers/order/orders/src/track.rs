//! `orders.track`: every fact about an order drives its state machine; resulting events are published.

use despatch_contracts::Incoming as _;
use despatch_contracts::order::{OrderCompleted, OrderReturned};
use despatch_contracts::payment::RefundRequested;
use despatch_contracts::tender::rest;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};
use despatch_status::OrderState;
use opentelemetry::global;
use opentelemetry::metrics::{Counter, Histogram};

use crate::order_fact::{FactRecord, NoParcel, OrderFact};
use crate::store::{self, Note};

/// Follows an order from its acceptance to its end, and counts what it committed.
#[derive(Debug)]
pub(crate) struct Track {
    completed: Counter<u64>,
    to_despatch: Histogram<f64>,
}

impl Track {
    pub(crate) fn new() -> Self {
        // From seconds, as in a demonstration, to a fortnight.
        let hours = [0.25, 1.0, 4.0, 8.0, 16.0, 24.0, 48.0, 96.0, 168.0, 336.0].map(|hours| hours * 3600.0);
        let boundaries = [&[1.0, 5.0, 15.0, 60.0], &hours[..]].concat();
        let meter = global::meter("despatch");
        let to_despatch = meter.f64_histogram("despatch.order_to_despatch").with_unit("s");
        let completed = meter.u64_counter("despatch.orders_completed").build();
        completed.add(0, &[]);
        Track { completed, to_despatch: to_despatch.with_boundaries(boundaries).build() }
    }
}

/// Why a fact was not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrackError {
    /// Facts may overtake the order's acceptance.
    #[error("the order has not been accepted yet")]
    NotYet,
    #[error(transparent)]
    NoParcel(#[from] NoParcel),
    /// The state machine leaves it to a person. The carrier's words, which may name people, stay in the event.
    #[error("unexpected {event_type}: the order is {state}")]
    Case { reason: Reason, event_type: &'static str, state: OrderState },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for TrackError {
    fn verdict(&self) -> Verdict {
        match self {
            TrackError::NotYet => Verdict::NotYet,
            TrackError::NoParcel(_) => Verdict::Reject(Reason::PayloadUndecodable),
            TrackError::Case { reason, .. } => Verdict::Reject(*reason),
            TrackError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Track {
    const NAME: &'static str = "orders.track";
    type In = OrderFact;
    type Out = (Option<OrderCompleted>, Option<OrderReturned>, Option<RefundRequested>);
    type Error = TrackError;

    async fn record(&self, event: &OrderFact, tx: &Tx<'_>) -> Result<Self::Out, TrackError> {
        let FactRecord { event_type, fact, detail } = event.record()?;
        let order_id = event.subject().id();
        let note = Note { event_type, detail: &detail };
        let mut is_sent = false;
        let step = store::advance(tx, order_id, &note, |order| {
            let state = order.state();
            is_sent = order.has_units();
            order.apply(fact).map_err(|reason| TrackError::Case { reason, event_type, state })
        });
        let step = step.await?.ok_or(TrackError::NotYet)?;

        if is_sent
            && step.from < OrderState::Despatched
            && (OrderState::Despatched..=OrderState::Completed).contains(&step.to)
            && let Some(age) = store::age(tx, order_id).await?
        {
            let to_despatch = self.to_despatch.clone();
            tx.after_commit(move || to_despatch.record(age, &[]));
        }
        if step.enters(OrderState::Completed) {
            let completed = self.completed.clone();
            tx.after_commit(move || completed.add(1, &[]));
        }

        let (order_id, reason) = (order_id.to_owned(), step.reason.to_string());
        let completed =
            step.enters(OrderState::Completed).then(|| OrderCompleted { order_id: order_id.clone() });
        let returned = step
            .enters(OrderState::Returned)
            .then(|| OrderReturned { order_id: order_id.clone(), reason: reason.clone() });
        let refund = step.refund.then(|| rest(order_id, reason));
        Ok((completed, returned, refund))
    }
}
