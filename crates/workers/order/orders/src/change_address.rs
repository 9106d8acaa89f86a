//! `orders.change-address`: sends an order to another address unless a parcel of it was handed over.

use despatch_contracts::Event as _;
use despatch_contracts::order::{Address, Order, OrderAddressChangeRequested, OrderChanged};
use despatch_domain::Reason;
use despatch_runtime::{Handler, Tx};

use crate::command::{self, CommandError};
use crate::lifecycle::{Lifecycle, Step};
use crate::store::{self, Accepted, Note, Unpaid};

/// Changes addresses on request. A refusal is not an error: it is recorded in the order's timeline.
///
/// Events that were made before still carry the former address. So an event of its own carries the order as it is now.
#[derive(Debug)]
pub(crate) struct ChangeAddress;

impl Handler for ChangeAddress {
    const NAME: &'static str = "orders.change-address";
    type In = OrderAddressChangeRequested;
    type Out = Option<OrderChanged>;
    type Error = CommandError;

    async fn record(
        &self,
        event: &OrderAddressChangeRequested,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, CommandError> {
        let address = event.address.clone().unwrap_or_default();
        let Some((version, lifecycle)) = store::lifecycle(tx, &event.order_id).await? else {
            change_unpaid(tx, &event.order_id, address).await?;
            return Ok(None);
        };
        let Accepted { order, .. } =
            store::document(tx, &event.order_id).await?.ok_or(CommandError::NotYet)?;
        let former = order.ship_to.clone().unwrap_or_default();
        let refusal = refusal(&former, &address).or_else(|| left(&lifecycle));
        let parts = former.differing_parts(&address);
        let by = command::by(&event.requested_by, &event.by);
        // The timeline holds no addresses.
        let detail = match refusal {
            Some(refusal) => format!("asked for by {by}: {refusal}"),
            None => format!("asked for by {by}: another {}", parts.join(", ")),
        };
        let reason = match refusal {
            _ if parts.is_empty() => Reason::AlreadyApplied,
            Some(_) => Reason::CommandRefused,
            None => Reason::StepDone,
        };
        let note = Note { event_type: OrderAddressChangeRequested::TYPE, detail: &detail };
        store::advance::<CommandError>(tx, &event.order_id, &note, |order| {
            Ok(Step::none(order.state(), reason))
        })
        .await?;
        if reason != Reason::StepDone {
            return Ok(None);
        }
        let order = Order { ship_to: Some(address), ..order };
        store::move_order(tx, &order, &former).await?;
        Ok(Some(OrderChanged {
            order: Some(order),
            // The number of the timeline's entry.
            change: u32::try_from(version).unwrap_or(0) + 1,
            needs_labels: true,
            requested_by: event.requested_by.clone(),
        }))
    }
}

/// Changes the address of an order that is not accepted yet, so that its events will carry the new one.
async fn change_unpaid(tx: &Tx<'_>, order_id: &str, address: Address) -> Result<(), CommandError> {
    let Some(Unpaid { order, .. }) = store::unpaid(tx, order_id).await? else {
        return Err(CommandError::NotYet);
    };
    let former = order.ship_to.clone().unwrap_or_default();
    if refusal(&former, &address).is_none() && former != address {
        store::move_unpaid(tx, &Order { ship_to: Some(address), ..order }, &former).await?;
    }
    Ok(())
}

/// Returns why an order does not go to an address, for people.
pub(crate) fn refusal(former: &Address, address: &Address) -> Option<&'static str> {
    if address.missing_parts().next().is_some() {
        return Some("the new address has no street, city or country");
    }
    // Tax and shipping were computed for the country.
    (address.country != former.country).then_some("the new address is in another country")
}

/// Returns why it is too late to change an order, for people.
pub(crate) fn left(lifecycle: &Lifecycle) -> Option<&'static str> {
    (!lifecycle.is_ours()).then_some("a parcel has left, or the order is at its end")
}
