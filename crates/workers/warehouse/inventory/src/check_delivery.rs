//! Tells of deliveries that differ from their announcement, and of those that are overdue. A handler for each case rejects the fact,
//! so that a person decides; a replay looks again.

use std::time::{Duration, SystemTime};

use despatch_contracts::stock::{DeliveryCheckDue, DeliveryDiffered, DeliveryOverdue};
use despatch_runtime::{Handler, Tx};

use crate::deliveries::Deliveries;
use crate::error::InventoryError;
use crate::store;

/// Works on the timer of a delivery.
#[derive(Debug)]
pub struct CheckDelivery {
    pub(crate) deliveries: Deliveries,
}

impl Handler for CheckDelivery {
    const NAME: &'static str = "inventory.check-delivery";
    type In = DeliveryCheckDue;
    type Out = (Option<DeliveryDiffered>, Option<DeliveryOverdue>);
    type Error = InventoryError;

    async fn record(&self, event: &DeliveryCheckDue, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let DeliveryCheckDue { delivery } = event;
        let Some(known) = self.deliveries.compare(tx, delivery).await? else { return Ok((None, None)) };
        let mut differed = None;
        if known.differs {
            let lines = store::differences(tx, delivery).await?;
            store::note_differences_told(tx, delivery).await?;
            differed = Some(DeliveryDiffered {
                delivery: delivery.clone(),
                supplier: known.supplier.clone(),
                contact: known.contact.clone(),
                lines: lines.in_event(),
                number_of_lines: lines.number,
            });
        }
        let mut overdue = None;
        if known.overdue_in == Some(Duration::ZERO) {
            let lines = store::open_lines(tx, delivery).await?;
            store::note_overdue_told(tx, delivery).await?;
            overdue = Some(DeliveryOverdue {
                delivery: delivery.clone(),
                due: Some(known.due.into()),
                supplier: known.supplier,
                contact: known.contact,
                lines: lines.in_event(),
                number_of_lines: lines.number,
            });
        }
        self.deliveries.settle(tx, delivery).await?;
        Ok((differed, overdue))
    }
}

/// Has a person settle what a delivery brought too much or too little.
#[derive(Debug)]
pub struct FlagDiffering;

impl Handler for FlagDiffering {
    const NAME: &'static str = "inventory.flag-differing";
    type In = DeliveryDiffered;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &DeliveryDiffered, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let lines = store::differences(tx, &event.delivery).await?;
        if lines.number == 0 {
            return Ok(());
        }
        let (delivery, supplier) = (event.delivery.clone(), event.supplier.clone());
        Err(InventoryError::ReceiptDiffers { delivery, supplier, lines })
    }
}

/// Has a person ask the supplier for a delivery.
#[derive(Debug)]
pub struct FlagOverdue;

impl Handler for FlagOverdue {
    const NAME: &'static str = "inventory.flag-overdue";
    type In = DeliveryOverdue;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &DeliveryOverdue, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let due = event.due.and_then(|due| SystemTime::try_from(due).ok());
        let due = due.ok_or(InventoryError::DueMissing)?;
        if !store::is_still_due(tx, &event.delivery, due).await? {
            return Ok(());
        }
        Err(InventoryError::DeliveryOverdue {
            delivery: event.delivery.clone(),
            supplier: event.supplier.clone(),
            contact: event.contact.clone(),
            due: jiff::Timestamp::try_from(due).map_err(|_| InventoryError::DueMissing)?,
            lines: store::open_lines(tx, &event.delivery).await?,
        })
    }
}
