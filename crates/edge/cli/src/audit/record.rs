//! What the workers recorded about each order, over all of their schemas. Like the demo, it takes them to share a database.

use std::collections::BTreeMap;
use std::pin::pin;

use despatch_orders::State;
use despatch_runtime::{Database, DbError, DeadEvent};
use futures_util::TryStreamExt as _;

use super::{Discrepancy, backlogs};

/// One order, as the workers' tables have it.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) state: Option<State>,
    /// Number, from and to of each entry.
    pub(crate) timeline: Vec<(i32, Option<State>, Option<State>)>,
    pub(crate) captured_minor: i64,
    pub(crate) refunded_minor: i64,
    /// 'held', 'confirmed', 'expired' or 'cancelled'.
    pub(crate) reservation: Option<String>,
    /// Units that the order holds or has sent, by SKU.
    pub(crate) units: BTreeMap<String, i64>,
    pub(crate) unshipped: i64,
    pub(crate) parcels: Vec<i32>,
    pub(crate) labels: Vec<i32>,
    pub(crate) messages: Vec<Message>,
    pub(crate) dead: Vec<DeadEvent>,
    /// Handlers of the order's unresolved cases.
    pub(crate) cases: Vec<String>,
}

/// A message to the customer.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) milestone: String,
    pub(crate) part: i32,
    pub(crate) id: String,
}

impl Record {
    /// Whether one of these handlers gave up on the order.
    pub(crate) fn died_at(&self, handlers: &[&str]) -> bool {
        self.dead.iter().any(|letter| handlers.contains(&letter.handler.as_str()))
    }

    /// Whether a handler of this worker gave up on the order.
    pub(crate) fn died_in(&self, worker: &str) -> bool {
        self.dead.iter().any(|letter| letter.handler.split('.').next() == Some(worker))
    }
}

/// Every order that any worker knows.
pub(crate) async fn all(database: &Database) -> Result<BTreeMap<String, Record>, DbError> {
    let mut records = BTreeMap::<String, Record>::new();
    for letter in backlogs(database).await?.into_iter().flat_map(|(_, backlog)| backlog.dead) {
        records.entry(letter.order_id.clone()).or_default().dead.push(letter);
    }
    let client = database.client().await?;
    let mut read = async |sql: &str, note: fn(&mut Record, &despatch_runtime::Row)| {
        // Row by row: they are many.
        let nothing: [&str; 0] = [];
        let mut rows = pin!(client.query_raw(sql, nothing).await?);
        while let Some(row) = rows.try_next().await? {
            note(records.entry(row.get("order_id")).or_default(), &row);
        }
        Ok::<(), DbError>(())
    };
    read("select order_id, state from orders.progress", |record, row| {
        record.state = State::parse(row.get("state"));
    })
    .await?;
    read("select order_id, seq, from_state, to_state from orders.timeline order by seq", |record, row| {
        let from = row.get::<_, Option<&str>>("from_state").and_then(State::parse);
        record.timeline.push((row.get("seq"), from, State::parse(row.get("to_state"))));
    })
    .await?;
    read("select order_id, captured_minor, refunded_minor from payments.payment", |record, row| {
        record.captured_minor = row.get("captured_minor");
        record.refunded_minor = row.get("refunded_minor");
    })
    .await?;
    read("select order_id, state from inventory.reservation", |record, row| {
        record.reservation = Some(row.get("state"));
    })
    .await?;
    read(
        "select order_id, sku, quantity, parcel, shipped_at is null as unshipped from inventory.allocation",
        |record, row| {
            let quantity: i64 = row.get("quantity");
            *record.units.entry(row.get("sku")).or_default() += quantity;
            record.unshipped += if row.get("unshipped") { quantity } else { 0 };
            let parcel: i32 = row.get("parcel");
            if !record.parcels.contains(&parcel) {
                record.parcels.push(parcel);
            }
        },
    )
    .await?;
    read("select order_id, parcel from labels.label", |record, row| {
        record.labels.push(row.get("parcel"));
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
    read("select order_id, handler from exceptions.exception where state <> 'resolved'", |record, row| {
        record.cases.push(row.get("handler"));
    })
    .await?;
    Ok(records)
}

/// Positions whose units do not add up.
pub(crate) async fn stock(database: &Database) -> Result<Vec<Discrepancy>, DbError> {
    let rows = database.client().await?.query(POSITIONS, &[]).await?;
    let wrong = rows.iter().map(|row| {
        let number = |column: &str| row.get::<_, i64>(column);
        let (sku, location): (&str, &str) = (row.get("sku"), row.get("location"));
        Discrepancy {
            about: format!("stock of {sku} at {location}"),
            wrong: format!(
                "{} arrived, {} booked as received, but {} available + {} reserved + {} shipped",
                number("arrived"),
                number("received"),
                number("available"),
                number("reserved"),
                number("shipped")
            ),
        }
    });
    Ok(wrong.collect())
}

const POSITIONS: &str = "
    select sku, location, coalesce(arrived, 0) as arrived, received, available, reserved, shipped
      from inventory.position
      left join (select sku, location, sum(quantity)::bigint as arrived
                   from inventory.receipt group by sku, location) receipts using (sku, location)
     where received <> available + reserved + shipped or received <> coalesce(arrived, 0)
        or available < 0 or reserved < 0 or shipped < 0";
