//! The workers' records of each order, over all of their schemas.

use std::collections::BTreeMap;
use std::pin::pin;

use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::{Event as _, Subject};
use despatch_runtime::{Database, DbError, DeadEvent};
use despatch_status::OrderState;
use futures_util::TryStreamExt as _;

use super::dead_letters::{died_at, died_in};

/// One order, as the workers' tables have it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) state: Option<OrderState>,
    /// Whether it waits for its payment, with a deadline, or nobody waits for that any more.
    pub(super) is_unpaid: bool,
    /// Whether somebody asked for it to be cancelled.
    pub(super) cancel_asked: bool,
    /// Number, from and to of each entry.
    pub(super) timeline: Vec<(i32, Option<OrderState>, Option<OrderState>)>,
    pub(super) captured_minor: i64,
    pub(super) refunded_minor: i64,
    /// Refunds of parts at Stripe, other than those of a change of the order.
    pub(super) refunded_parts_minor: i64,
    /// Refunds at Stripe that are approved and not made.
    pub(super) open_refunds: i64,
    /// 'held', 'confirmed', 'expired' or 'cancelled'.
    pub(super) reservation: Option<String>,
    /// Units that counts took from it, and that are not back.
    pub(super) withdrawn: i64,
    /// Units that the order holds or has sent, by SKU.
    pub(super) units: BTreeMap<String, i64>,
    pub(super) unshipped: i64,
    pub(super) parcels: Vec<i32>,
    /// Those of the parcels that have not left.
    pub(super) unshipped_parcels: Vec<i32>,
    /// Parcels with a label that is valid.
    pub(super) labels: Vec<i32>,
    /// Parcels with a label that the carrier takes back.
    pub(super) voided: Vec<i32>,
    pub(super) messages: Vec<Message>,
    pub(super) dead: Vec<DeadEvent>,
    /// Handlers of the order's cases that are not resolved, or that its cancellation resolved.
    pub(super) cases: Vec<String>,
}

/// A message to the customer.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) milestone: String,
    pub(super) part: String,
    pub(super) id: String,
}

impl Record {
    /// Returns whether one of these handlers gave up on the order.
    pub(super) fn died_at(&self, handlers: &[&str]) -> bool {
        died_at(&self.dead, handlers)
    }

    /// Returns whether a handler of this worker gave up on the order.
    pub(super) fn died_in(&self, worker: &str) -> bool {
        died_in(&self.dead, worker)
    }
}

/// Reads every order that any worker knows. `dead` are all dead letters.
pub(super) async fn all(
    database: &Database,
    dead: Vec<DeadEvent>,
) -> Result<BTreeMap<String, Record>, DbError> {
    let mut records = BTreeMap::<String, Record>::new();
    for letter in dead {
        records.entry(Subject::parse(&letter.subject).id().to_owned()).or_default().dead.push(letter);
    }
    let client = database.client().await?;
    let mut read = async |sql: &str, note: fn(&mut Record, &despatch_runtime::Row)| {
        // Row by row, because there are many.
        let nothing: [&str; 0] = [];
        let mut rows = pin!(client.query_raw(sql, nothing).await?);
        while let Some(row) = rows.try_next().await? {
            note(records.entry(row.get("order_id")).or_default(), &row);
        }
        Ok::<(), DbError>(())
    };
    read("select order_id, state from orders.progress", |record, row| {
        record.state = OrderState::parse(row.get("state"));
    })
    .await?;
    let unpaid = "select order_id from orders.unpaid
                   where given_up_at is not null or exists (select from orders.timer where key = 'payment/' || order_id)";
    read(unpaid, |record, _| record.is_unpaid = true).await?;
    let timeline = "select order_id, seq, from_state, to_state, event_type from orders.timeline order by seq";
    read(timeline, |record, row| {
        record.cancel_asked |= row.get::<_, &str>("event_type") == OrderCancelRequested::TYPE;
        let from = row.get::<_, Option<&str>>("from_state").and_then(OrderState::parse);
        record.timeline.push((row.get("seq"), from, OrderState::parse(row.get("to_state"))));
    })
    .await?;
    // Tenders that payments captured itself: the provider knows no others.
    let ours = "select order_id, captured_minor, refunded_minor + elsewhere_minor as refunded_minor from payments.tender
                 where capture <> ''";
    read(ours, |record, row| {
        record.captured_minor = row.get("captured_minor");
        record.refunded_minor = row.get("refunded_minor");
    })
    .await?;
    // A cancelled order's money went back whole.
    let parts = "select order_id, coalesce(sum(r.amount_minor) filter (where state in ('made', 'elsewhere')
                                                                      and refund_id not like 'change-%'), 0)::int8 as made,
                        count(*) filter (where state = 'approved') as open
                   from payments.refund r join payments.tender t using (order_id)
                  where t.number = r.tender and capture <> '' group by order_id";
    read(parts, |record, row| {
        record.refunded_parts_minor = row.get("made");
        record.open_refunds = row.get("open");
    })
    .await?;
    read("select order_id, state, withdrawn from inventory.reservation", |record, row| {
        record.reservation = Some(row.get("state"));
        record.withdrawn = row.get("withdrawn");
    })
    .await?;
    read(
        "select order_id, sku, quantity, parcel, shipped_at is null as unshipped from inventory.allocation",
        |record, row| {
            let quantity: i64 = row.get("quantity");
            *record.units.entry(row.get("sku")).or_default() += quantity;
            let parcel: i32 = row.get("parcel");
            if row.get("unshipped") {
                record.unshipped += quantity;
                record.unshipped_parcels.push(parcel);
            }
            if !record.parcels.contains(&parcel) {
                record.parcels.push(parcel);
            }
        },
    )
    .await?;
    read("select order_id, parcel, void_asked_at is null as is_valid from labels.label", |record, row| {
        let labels = if row.get("is_valid") { &mut record.labels } else { &mut record.voided };
        labels.push(row.get("parcel"));
    })
    .await?;
    read("select order_id, milestone, part, message_id from notifications.sent", |record, row| {
        record.messages.push(Message {
            milestone: row.get("milestone"),
            part: row.get("part"),
            id: row.get("message_id"),
        });
    })
    .await?;
    read(
        "select substr(subject, strpos(subject, '/') + 1) as order_id, handler
           from exceptions.exception where state <> 'resolved' or resolution = 'order-cancelled'",
        |record, row| record.cases.push(row.get("handler")),
    )
    .await?;
    Ok(records)
}
