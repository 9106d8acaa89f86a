//! `orders.update`: the shop's word that an order has other contents by now.

use despatch_contracts::order::{Order, OrderUpdateReported};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store;

/// Takes the newest contents of an order that is not paid yet. A person decides about any other.
#[derive(Debug)]
pub(crate) struct Update;

/// Why the order did not take the shop's contents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The event has no order in it.
    #[error("expected an event with an order, found none")]
    Empty,
    /// Work on the order began with other contents, or never did.
    #[error("the shop reports other contents of the order: {0}")]
    Changed(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for UpdateError {
    fn verdict(&self) -> Verdict {
        match self {
            UpdateError::Empty => Verdict::Reject(Reason::PayloadUndecodable),
            UpdateError::Changed(_) => Verdict::Reject(Reason::OrderChanged),
            UpdateError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Update {
    const NAME: &'static str = "orders.update";
    type In = OrderUpdateReported;
    type Out = ();
    type Error = UpdateError;

    async fn record(&self, event: &OrderUpdateReported, tx: &Tx<'_>) -> Result<(), UpdateError> {
        let newer = event.order.as_ref().ok_or(UpdateError::Empty)?;
        if let Some(unpaid) = store::unpaid(tx, &newer.order_id).await? {
            // How it is paid comes as an event of its own.
            let tenders = unpaid.order.tenders;
            return Ok(store::change_unpaid(tx, &Order { tenders, ..newer.clone() }).await?);
        }
        let known = store::document(tx, &newer.order_id).await?;
        let differences = known.map_or_else(
            || "it was never accepted".to_owned(),
            |known| differences(&known, newer).join(", "),
        );
        Err(UpdateError::Changed(differences))
    }
}

/// Returns what differs, in words without personal data.
fn differences(known: &Order, newer: &Order) -> Vec<String> {
    let mut differences = Vec::new();
    match (&known.ship_to, &newer.ship_to) {
        (Some(known), Some(newer)) => {
            let parts = known.differing_parts(newer);
            if !parts.is_empty() {
                differences.push(format!("address: {}", parts.join(", ")));
            }
        }
        (None, None) => {}
        (None, Some(_)) | (Some(_), None) => differences.push("address".to_owned()),
    }
    let units = |order: &Order, sku: &str| -> i64 {
        let lines = order.lines.iter().filter(|line| line.sku == sku);
        lines.map(|line| line.quantity.saturating_sub(line.removed)).fold(0, i64::saturating_add)
    };
    let mut skus: Vec<&str> = known.lines.iter().chain(&newer.lines).map(|line| &*line.sku).collect();
    skus.sort_unstable();
    skus.dedup();
    for sku in skus {
        let (was, is) = (units(known, sku), units(newer, sku));
        if was != is {
            differences.push(format!("{sku}: {is} units, before {was}"));
        }
    }
    if known.total_minor != newer.total_minor {
        let (is, was) = (newer.total_minor, known.total_minor);
        differences.push(format!("total: {is} minor units, before {was}"));
    }
    if differences.is_empty() {
        differences.push("amounts of its lines, or its cancellation was taken back".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::{Address, Line};

    use super::*;

    #[test]
    fn differences_are_told_without_personal_data() {
        let order = |street1: &str, units: i64, total_minor| Order {
            ship_to: Some(Address { street1: street1.into(), ..Address::default() }),
            lines: vec![Line { sku: "A".into(), quantity: units, ..Line::default() }],
            total_minor,
            ..Order::default()
        };
        let told = differences(&order("1 Private St", 2, 500), &order("2 Private St", 3, 700));
        assert_eq!(told, ["address: street1", "A: 3 units, before 2", "total: 700 minor units, before 500"]);
        let same = order("1 Private St", 2, 500);
        assert_eq!(differences(&same, &same).len(), 1);
    }
}
