//! Follows the content of a webhook.

use despatch_contracts::order::{Order, OrderPlaced};
use despatch_contracts::{Emitted, Trace};
use prost::Message as _;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::routes::orders::{Outcome, Placed};
use crate::http::state::Gateway;
use crate::ingest::new_order::NewOrder;
use crate::ingest::payment::Payment;
use crate::ingest::queue::Receipt;
use crate::ingest::submission::{ShopCancellation, ShopRefund, Submission};
use crate::sources::shopify_money::{Report, ShopMoney};
use crate::sources::webhook::{Cancellation, Said, is_given_up, may_be_placed};

/// Follows the content of a webhook. Returns `None` if it says nothing of an order that is known.
pub(super) async fn follow(
    gateway: &Gateway,
    shop: &str,
    said: Said,
    trace: Trace,
) -> Result<Option<Placed>, ApiError> {
    match said {
        Said::Created(order) if is_given_up(&order) => Ok(None),
        Said::Created(order) => place(gateway, order, trace).await,
        Said::Updated { order, is_done } => updated(gateway, order, is_done, trace).await,
        Said::Cancelled(cancellation) => cancel(gateway, shop, cancellation, trace).await,
        Said::Money(moved) => {
            let mut noted = None;
            for money in moved {
                noted = note_money(gateway, shop, money, &trace).await?.or(noted);
            }
            Ok(noted)
        }
        Said::Notice(_) | Said::Nothing => Ok(None),
    }
}

/// Places an order. One that was placed before with other contents has changed.
async fn place(gateway: &Gateway, order: Order, trace: Trace) -> Result<Option<Placed>, ApiError> {
    let new_order = gateway.storage.new_order(order, bytes::Bytes::new())?;
    let payload = new_order.event.payload.clone();
    let placed = |order_id, outcome| Ok(Some(Placed { order_id, outcome }));
    match gateway.storage.submit(Submission::ShopOrder(new_order), trace.clone()).await? {
        Receipt::Placed(order_id) => placed(order_id, Outcome::Placed),
        Receipt::Same(order_id) => placed(order_id, Outcome::Same),
        Receipt::Changed(order_id) => {
            let read = OrderPlaced::decode(payload).ok().and_then(|event| event.order);
            change(gateway, read.ok_or(ApiError::Rejected)?, order_id, trace).await.map(Some)
        }
        // Its cancellation came first.
        Receipt::Cancelled(_) => Ok(None),
        Receipt::Noted | Receipt::RequestChanged => Err(ApiError::Rejected),
    }
}

/// Reports an order as it is by now.
async fn change(gateway: &Gateway, order: Order, order_id: Uuid, trace: Trace) -> Result<Placed, ApiError> {
    submit_update(gateway, gateway.storage.update(order, order_id)?, order_id, trace).await
}

async fn submit_update(
    gateway: &Gateway,
    update: NewOrder,
    order_id: Uuid,
    trace: Trace,
) -> Result<Placed, ApiError> {
    let receipt = gateway.storage.submit(Submission::Update(update), trace).await?;
    let is_changed = matches!(receipt, Receipt::Changed(_));
    Ok(Placed { order_id, outcome: if is_changed { Outcome::Changed } else { Outcome::Same } })
}

/// Follows an order as it is by now: how it is paid, and whether it changed. Places it if it is unknown and still to be sent.
async fn updated(
    gateway: &Gateway,
    order: Order,
    is_done: bool,
    trace: Trace,
) -> Result<Option<Placed>, ApiError> {
    let order_id = match gateway.storage.order_id(&order.shop, &order.shop_order_id).await? {
        Some(order_id) => order_id,
        None if !may_be_placed(&order, is_done, gateway.storage.now()) => return Ok(None),
        None => {
            let placed = place(gateway, order.clone(), trace.clone()).await?;
            match placed {
                // It was placed in between, perhaps before it was paid.
                Some(Placed { order_id, outcome: Outcome::Same }) => order_id,
                other => return Ok(other),
            }
        }
    };
    // An order that no event can carry is refused before anything of it is stored.
    let update = gateway.storage.update(order.clone(), order_id)?;
    let payment = Submission::Payment(Payment::of(&order, order_id));
    let (paid, changed) = tokio::join!(
        gateway.storage.submit(payment, trace.clone()),
        submit_update(gateway, update, order_id, trace)
    );
    paid?;
    let changed = changed?;
    Ok(Some(match changed.outcome {
        Outcome::Changed => changed,
        _ => Placed { outcome: Outcome::PaymentNoted, ..changed },
    }))
}

/// Passes a shop's cancellation on. One that comes before its order keeps the order from being placed.
async fn cancel(
    gateway: &Gateway,
    shop: &str,
    cancellation: Cancellation,
    trace: Trace,
) -> Result<Option<Placed>, ApiError> {
    let cancel = ShopCancellation { shop: shop.to_owned(), cancellation };
    Ok(match gateway.storage.submit(Submission::Cancel(cancel), trace).await? {
        Receipt::Cancelled(order_id) => Some(Placed { order_id, outcome: Outcome::CancelRequested }),
        Receipt::Placed(_)
        | Receipt::Same(_)
        | Receipt::Changed(_)
        | Receipt::RequestChanged
        | Receipt::Noted => None,
    })
}

/// Notes money that moved in the shop; returns `None` if its order is unknown.
async fn note_money(
    gateway: &Gateway,
    shop: &str,
    money: ShopMoney,
    trace: &Trace,
) -> Result<Option<Placed>, ApiError> {
    let Some(order_id) = gateway.storage.order_id(shop, &money.shop_order_id).await? else { return Ok(None) };
    let submission = match money.movement.report(order_id) {
        Report::Paid(event) => Submission::Event(Emitted::from(&*event)),
        Report::Refunded(event) => Submission::Refund(ShopRefund {
            shop: shop.to_owned(),
            shop_order_id: money.shop_order_id,
            order_id,
            event: Emitted::from(&event),
            reference: event.reference,
        }),
    };
    gateway.storage.submit(submission, trace.clone()).await?;
    Ok(Some(Placed { order_id, outcome: Outcome::PaymentNoted }))
}
