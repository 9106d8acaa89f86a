//! `gateway.reread`: follows a webhook that was kept, once its order is here or somebody corrected its body.
//!
//! A kept webhook comes here first as it arrived. It fails as it failed before, and so it becomes a case with its body. A
//! person edits the body and replays it. Then it is followed as a webhook is that arrives now.
//!
//! Money of an order that is not here waits for the order, because shops send their webhooks in any order. After some days
//! it is dropped: the order is from before the shop was connected.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use despatch_contracts::EventId;
use despatch_contracts::order::{
    Order, OrderCancelRequested, OrderPlaced, OrderUpdateReported, PaymentReported, WebhookKept,
};
use despatch_contracts::payment::RefundReported;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Policy, Tx, Verdict};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::ingest::digest;
use crate::ingest::history::Update;
use crate::ingest::new_order::identified;
use crate::ingest::shop_words::history;
use crate::ingest::statements;
use crate::ingest::submission::cancel_request;
use crate::sources::fields::json::Invalid;
use crate::sources::shopify_money::{Report, ShopMoney};
use crate::sources::webhook::{self, Platform, Said, Word, is_given_up, may_be_placed};

/// Reads kept webhooks again.
#[derive(Debug)]
pub(crate) struct Reread;

/// How long money waits for its order.
const WAITS: Duration = Duration::from_secs(3 * 24 * 3600);

/// Why a kept webhook is a case, or waits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RereadError {
    /// No platform has this name.
    #[error("channel: expected `shopify` or `woocommerce`, found {0:?}")]
    Channel(String),
    /// The body is empty, or was too large for an event.
    #[error(
        "expected a body, found none: it is empty, or too large for an event and in the table gateway.kept_webhook"
    )]
    Empty,
    /// The body cannot be read.
    #[error("body: {0}")]
    Unreadable(#[from] Invalid),
    /// The money's order is not here yet.
    #[error("the order {shop_order_id:?} has not come yet")]
    Early {
        /// The shop's own id.
        shop_order_id: String,
        /// The time since the webhook came.
        age: Duration,
    },
    /// A person has to act.
    #[error("the shop asks for an act of a person: {}", .0.meaning())]
    Notice(Reason),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for RereadError {
    fn verdict(&self) -> Verdict {
        match self {
            RereadError::Channel(_) | RereadError::Empty | RereadError::Unreadable(_) => {
                Verdict::Reject(Reason::OrderUnreadable)
            }
            // An order is mostly late by seconds. The longer it takes, the later is the next look.
            RereadError::Early { age, .. } => {
                Verdict::Defer((*age / 4).clamp(Duration::from_secs(1), Duration::from_secs(3600)))
            }
            RereadError::Notice(reason) => Verdict::Reject(*reason),
            RereadError::Database(_) => Verdict::Retry,
        }
    }
}

/// The events that follow from a webhook.
#[derive(Default)]
pub(crate) struct FollowOns {
    placed: Option<OrderPlaced>,
    updated: Option<OrderUpdateReported>,
    cancelled: Option<OrderCancelRequested>,
    paid: Vec<PaymentReported>,
    refunded: Vec<RefundReported>,
}

type Out = (
    (Option<OrderPlaced>, Option<OrderUpdateReported>, Option<OrderCancelRequested>),
    (Vec<PaymentReported>, Vec<RefundReported>),
);

impl From<FollowOns> for Out {
    fn from(it: FollowOns) -> Out {
        ((it.placed, it.updated, it.cancelled), (it.paid, it.refunded))
    }
}

impl Handler for Reread {
    const NAME: &'static str = "gateway.reread";
    const POLICY: Policy =
        Policy { defer_deadline: WAITS.saturating_add(Duration::from_secs(24 * 3600)), ..Policy::DEFAULT };
    type In = WebhookKept;
    type Out = Out;
    type Error = RereadError;

    async fn record(&self, event: &WebhookKept, tx: &Tx<'_>) -> Result<Out, RereadError> {
        let platform =
            Platform::of(&event.channel).ok_or_else(|| RereadError::Channel(event.channel.clone()))?;
        if event.body.is_empty() {
            return Err(RereadError::Empty);
        }
        let shop = &event.shop;
        let Word { said, refunds } =
            webhook::read(platform, &event.topic, event.body.as_bytes(), shop, event.is_test_shop)?;
        let mut follow_ons = FollowOns::default();
        match said {
            Said::Notice(reason) => return Err(RereadError::Notice(reason)),
            Said::Nothing => {}
            Said::Created(order) => {
                let may_be_placed = !is_given_up(&order);
                order_said(tx, order, may_be_placed, &mut follow_ons).await?;
            }
            Said::Updated { order, is_done } => {
                // As if it were followed when it came.
                let received_at = event.received_at.and_then(|at| SystemTime::try_from(at).ok());
                let may_be_placed = received_at.is_some_and(|at| may_be_placed(&order, is_done, at));
                order_said(tx, order, may_be_placed, &mut follow_ons).await?;
            }
            Said::Cancelled(cancellation) => {
                let key: [&(dyn ToSql + Sync); 2] = [shop, &cancellation.shop_order_id];
                let rows = tx.returning(statements::HISTORY, &key).await?;
                let at = cancellation.updated_at;
                if let Some((order_id, true, known)) = rows.first().map(history)
                    && known.cancels(at)
                {
                    tx.execute(statements::CANCEL, &[shop, &cancellation.shop_order_id, &at]).await?;
                    follow_ons.cancelled = Some(cancel_request(shop, order_id));
                } else if rows.is_empty() {
                    let id = EventId::at(now(tx).await?).uuid();
                    let values: [&(dyn ToSql + Sync); 4] = [shop, &cancellation.shop_order_id, &id, &at];
                    tx.execute(statements::CANCEL_UNKNOWN, &values).await?;
                }
            }
            Said::Money(moved) => {
                if let Some(shop_order_id) = money_said(tx, shop, moved, &mut follow_ons).await? {
                    let received_at = event.received_at.and_then(|at| SystemTime::try_from(at).ok());
                    let age = now(tx).await?.duration_since(received_at.unwrap_or(UNIX_EPOCH));
                    let age = age.unwrap_or_default();
                    if age < WAITS {
                        return Err(RereadError::Early { shop_order_id, age });
                    }
                    tracing::info!(shop, shop_order_id, "money of an unknown order dropped");
                }
            }
        }
        money_said(tx, shop, refunds, &mut follow_ons).await?;
        Ok(follow_ons.into())
    }
}

/// Reports money. Returns the shop's id of the order if it is unknown.
async fn money_said(
    tx: &Tx<'_>,
    shop: &String,
    moved: Vec<ShopMoney>,
    follow_ons: &mut FollowOns,
) -> Result<Option<String>, DbError> {
    for money in moved {
        let rows = tx.query(statements::ORDER_ID, &[shop, &money.shop_order_id]).await?;
        let Some(order_id) = rows.first().map(|row| row.get::<_, Uuid>(0)) else {
            return Ok(Some(money.shop_order_id));
        };
        match money.movement.report(order_id) {
            Report::Paid(event) => follow_ons.paid.push(*event),
            Report::Refunded(event) => {
                if tx.execute(statements::REFUND, &[&order_id, &event.reference]).await? == 1 {
                    follow_ons.refunded.push(event);
                }
            }
        }
    }
    Ok(None)
}

/// Places an order if it is unknown and may be placed, or reports it as it is by now.
async fn order_said(
    tx: &Tx<'_>,
    mut order: Order,
    may_be_placed: bool,
    follow_ons: &mut FollowOns,
) -> Result<(), DbError> {
    let now = now(tx).await?;
    let order_id = EventId::at(now).uuid();
    let (digest, updated_at) = identified(&mut order, order_id);
    let (shop, shop_order_id) = (order.shop.clone(), order.shop_order_id.clone());
    let values: [&(dyn ToSql + Sync); 6] =
        [&shop, &shop_order_id, &order_id, &&digest[..], &digest::VERSION, &updated_at];
    if may_be_placed && tx.execute(statements::PLACE_ONE, &values).await? == 1 {
        order.placed_at.get_or_insert_with(|| now.into());
        follow_ons.placed = Some(OrderPlaced { order: Some(order) });
        return Ok(());
    }
    let rows = tx.returning(statements::HISTORY, &[&shop, &shop_order_id]).await?;
    let Some((order_id, true, known)) = rows.first().map(history) else { return Ok(()) };
    order.order_id = order_id.to_string();
    let tenders = order.tenders.clone();
    follow_ons.paid.push(PaymentReported {
        order_id: order.order_id.clone(),
        tenders,
        is_part: false,
        order: Some(order.clone()),
    });
    if known.update(&digest, updated_at) == Update::Changed {
        tx.execute(statements::UPDATE, &[&shop, &shop_order_id, &&digest[..], &updated_at]).await?;
        follow_ons.updated = Some(OrderUpdateReported { order: Some(order) });
    }
    Ok(())
}

/// Returns the deployment's time.
async fn now(tx: &Tx<'_>) -> Result<SystemTime, DbError> {
    let rows = tx.query("select despatch_now()", &[]).await?;
    Ok(rows.first().map_or(SystemTime::UNIX_EPOCH, |row| row.get(0)))
}
