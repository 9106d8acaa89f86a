//! `{{name}}.note`: notes each accepted order once.

use despatch_contracts::{{name}}::{{Event}};
use despatch_contracts::order::OrderAccepted;
use despatch_runtime::{Handler, Tx};

use crate::error::{{Name}}Error;
use crate::store;

/// Notes accepted orders.
pub(crate) struct Note {
    pub(crate) at_least_minor: i64,
}

impl Handler for Note {
    const NAME: &'static str = "{{name}}.note";
    type In = OrderAccepted;
    type Out = Option<{{Event}}>;
    type Error = {{Name}}Error;

    async fn record(&self, event: &OrderAccepted, tx: &Tx<'_>) -> Result<Self::Out, {{Name}}Error> {
        let order = event.order.as_ref().ok_or({{Name}}Error::NoOrder)?;
        if order.total_minor < self.at_least_minor {
            return Ok(None);
        }
        let is_new = store::note(tx, &order.order_id).await?;
        Ok(is_new.then(|| {{Event}} { order_id: order.order_id.clone() }))
    }
}
