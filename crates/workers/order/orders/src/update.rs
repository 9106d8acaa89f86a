//! `orders.update`: the shop's word that an order has other contents by now.

use despatch_contracts::Event as _;
use despatch_contracts::order::{
    Address, Line, Order, OrderAddressChanged, OrderCancelRequested, OrderUpdateReported,
};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::change_address::{change, left, refusal};
use crate::store::{self, Note};

/// Takes the newest contents of an order that is not paid yet, and of any other a new address until a parcel is handed over. An
/// order of which no unit is left is cancelled. A person decides about the rest.
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
    type Out = (Option<OrderAddressChanged>, Option<OrderCancelRequested>);
    type Error = UpdateError;

    async fn record(&self, event: &OrderUpdateReported, tx: &Tx<'_>) -> Result<Self::Out, UpdateError> {
        let newer = event.order.as_ref().ok_or(UpdateError::Empty)?;
        if let Some(unpaid) = store::unpaid(tx, &newer.order_id).await? {
            if is_older(newer, &unpaid.order) {
                return Ok((None, None));
            }
            // How it is paid comes as an event of its own.
            let tenders = unpaid.order.tenders;
            store::change_unpaid(tx, &Order { tenders, ..newer.clone() }).await?;
            return Ok((None, None));
        }
        let known = store::document(tx, &newer.order_id).await?;
        let lifecycle = store::lifecycle(tx, &newer.order_id).await?;
        let (Some(known), Some((version, lifecycle))) = (known, lifecycle) else {
            return Err(UpdateError::Changed("it was never accepted".to_owned()));
        };
        if is_older(newer, &known) {
            return Ok((None, None));
        }
        if nothing_stands(newer) && lifecycle.is_ours() {
            return Ok((None, Some(cancellation(newer))));
        }
        let mut differences = differences(&known, newer);
        if let Some(address) = only_address(&known, newer) {
            let former = known.ship_to.clone().unwrap_or_default();
            let refusal = match refusal(&former, address).or_else(|| left(&lifecycle)) {
                // The shop may only repeat the address that the customer left.
                None if store::was_moved(tx, &known.order_id).await? => {
                    Some("the customer changed it in despatch")
                }
                refusal => refusal,
            };
            let Some(refusal) = refusal else {
                let detail = format!("another {}", former.differing_parts(address).join(", "));
                let note = Note { event_type: OrderUpdateReported::TYPE, detail: &detail };
                let known = Order { updated_at: newer.updated_at, ..known };
                return Ok((Some(change(tx, known, address.clone(), version, &note).await?), None));
            };
            differences.push(refusal.to_owned());
        }
        Err(UpdateError::Changed(differences.join(", ")))
    }
}

/// Whether the shop took every unit off, as by a refund of all lines.
fn nothing_stands(order: &Order) -> bool {
    !order.lines.is_empty() && order.lines.iter().all(|line| line.quantity <= line.removed)
}

fn cancellation(order: &Order) -> OrderCancelRequested {
    OrderCancelRequested {
        order_id: order.order_id.clone(),
        reason: Reason::ShopCancelled.code().to_owned(),
        requested_by: order.shop.clone(),
        by: String::new(),
    }
}

/// Whether these are the shop's words from before those that are known. Events of one order may overtake each other.
fn is_older(newer: &Order, known: &Order) -> bool {
    let at = |order: &Order| order.updated_at.map(|at| (at.seconds, at.nanos));
    matches!((at(newer), at(known)), (Some(newer), Some(known)) if newer < known)
}

/// Returns the new address if nothing else that is worked on differs.
fn only_address<'a>(known: &Order, newer: &'a Order) -> Option<&'a Address> {
    let address = newer.ship_to.as_ref()?;
    let units = |order: &Order| -> Vec<(String, i64, i64, i32)> {
        let unit = |line: &Line| {
            (line.sku.clone(), line.quantity.saturating_sub(line.removed), line.total_minor, line.fulfilment)
        };
        order.lines.iter().map(unit).collect()
    };
    let is_same = units(known) == units(newer)
        && (known.total_minor, &known.currency) == (newer.total_minor, &newer.currency)
        && known.service_level == newer.service_level
        && known.ship_to.is_some();
    (is_same && known.ship_to.as_ref() != Some(address)).then_some(address)
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
