//! `labels.cancel`: no label of a cancelled order stays valid.

use despatch_contracts::label::LabelVoidRequested;
use despatch_contracts::order::OrderCancelled;
use despatch_runtime::{DbError, Handler, Tx};

use crate::store;

/// Has the labels of cancelled orders voided. `labels.create` does the same for one whose purchase was under way.
pub(crate) struct Cancel;

impl Handler for Cancel {
    const NAME: &'static str = "labels.cancel";
    type In = OrderCancelled;
    type Out = Vec<LabelVoidRequested>;
    type Error = DbError;

    async fn record(&self, event: &OrderCancelled, tx: &Tx<'_>) -> Result<Self::Out, DbError> {
        let labelled = store::cancel(tx, &event.order_id, &event.reason).await?;
        let void = |parcel| LabelVoidRequested {
            order_id: event.order_id.clone(),
            parcel,
            reason: event.reason.clone(),
        };
        Ok(labelled.into_iter().map(void).collect())
    }
}
