//! Inventory through the runtime, against real servers. Every event is delivered twice.

#![allow(clippy::unwrap_used, reason = "what does not unwrap is what the test is there to find")]

#[path = "inventory/changes.rs"]
mod changes;
#[path = "inventory/counts.rs"]
mod counts;
#[path = "inventory/cover.rs"]
mod cover;
#[path = "inventory/deliveries.rs"]
mod deliveries;
#[path = "inventory/descriptions.rs"]
mod descriptions;
#[path = "inventory/kills.rs"]
mod kills;
#[path = "inventory/law.rs"]
mod law;
#[path = "inventory/load.rs"]
mod load;
#[path = "inventory/races.rs"]
mod races;
#[path = "inventory/receipts.rs"]
mod receipts;
#[path = "inventory/stock_requests.rs"]
mod stock_requests;
#[path = "inventory/upkeep.rs"]
mod upkeep;
#[path = "inventory/watch.rs"]
mod watch;
#[path = "inventory/ways.rs"]
mod ways;
#[path = "inventory/withdrawn.rs"]
mod withdrawn;

use despatch_contracts::order::{Fulfilment, Order, OrderCancelled};
use despatch_contracts::payment::{PaymentAuthorised, PaymentCaptured};
use despatch_contracts::shipment::{
    Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched, ShipmentFailed,
};
use despatch_contracts::stock::{ReservationExpiryDue, StockPicked, StockReleased, StockReserved};
use despatch_domain::Reason;
use despatch_inventory::store::{self, Location, State, Totals};
use despatch_inventory::{Config, worker};
use despatch_runtime::Process;
use despatch_testkit::{TestEnv, eventually, order};
use tokio_postgres::Client;

/// Long enough that no reservation of a test expires by itself.
const AN_HOUR: u64 = 3600;

/// Two locations, inventory running, and these units received: `(SKU, location, quantity)`.
async fn warehouse(reservation_seconds: u64, units: &[(&str, &str, i64)]) -> (TestEnv, Client) {
    warehouse_with(reservation_seconds, 0, units).await
}

async fn warehouse_with(
    reservation_seconds: u64,
    second_person_above: i64,
    units: &[(&str, &str, i64)],
) -> (TestEnv, Client) {
    let env = TestEnv::new().await;
    env.run(worker(&Config { reservation_seconds, second_person_above, ..Config::default() })).await;
    let db = receive(&env, units).await;
    (env, db)
}

/// A warehouse in which no process runs.
async fn idle_warehouse() -> (TestEnv, Client) {
    idle(TestEnv::new().await).await
}

async fn idle(env: TestEnv) -> (TestEnv, Client) {
    let config = Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() };
    let process = Process::start(env.settings().clone(), vec![worker(&config)]).await.unwrap();
    process.health().until_ready().await;
    process.drain().await;
    let db = receive(&env, &[]).await;
    (env, db)
}

/// Opens the locations and receives these units.
async fn receive(env: &TestEnv, units: &[(&str, &str, i64)]) -> Client {
    let db = env.db().await;
    let location = |id: &str, rank| Location {
        id: id.into(),
        name: format!("Warehouse {id}"),
        country: "US".into(),
        region: "KY".into(),
        rank,
    };
    store::open_locations(&db, &[location("east", 1), location("west", 2)]).await.unwrap();
    store::receive(&db, "first delivery", units).await.unwrap();
    db
}

fn accepted(order_id: &str) -> PaymentAuthorised {
    accepted_as(order(order_id))
}

fn accepted_as(order: Order) -> PaymentAuthorised {
    PaymentAuthorised { order: Some(order) }
}

fn captured(order_id: &str) -> PaymentCaptured {
    let order = order(order_id);
    let (amount_minor, currency) = (order.total_minor, order.currency.clone());
    PaymentCaptured { order: Some(order), reference: "ch_1".into(), amount_minor, currency }
}

fn cancelled(order_id: &str) -> OrderCancelled {
    OrderCancelled { order_id: order_id.into(), reason: Reason::CustomerCancelled.code().into() }
}

fn despatched(order_id: &str, parcel: u32) -> ShipmentDespatched {
    let scan = Scan { order_id: order_id.into(), parcel, ..Scan::default() };
    ShipmentDespatched { scan: Some(scan) }
}

async fn state(db: &Client, order_id: &str) -> Option<State> {
    store::reservation_of(db, order_id).await.unwrap().map(|reservation| reservation.state)
}

async fn timers(db: &Client) -> i64 {
    db.query_one("SELECT count(*) FROM inventory.timer", &[]).await.unwrap().get(0)
}

/// The ledger agrees with every counter.
async fn assert_lawful(db: &Client) {
    let wrong = format!("SELECT l::text FROM ({}) AS l", store::LAW);
    let wrong: Vec<String> = db.query(&wrong, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Received, available, reserved, shipped.
async fn units(db: &Client) -> [i64; 4] {
    let Totals { received, available, reserved, shipped, set_aside } = store::totals(db).await.unwrap();
    assert_eq!(received, available + reserved + shipped + set_aside, "units are neither made nor lost");
    assert_lawful(db).await;
    [received, available, reserved, shipped]
}

#[tokio::test]
async fn an_accepted_order_is_reserved_once_where_it_fits_into_one_parcel() {
    let (env, db) =
        warehouse(AN_HOUR, &[("SKU-A", "east", 5), ("SKU-A", "west", 5), ("SKU-B", "west", 5)]).await;
    env.deliver(&accepted("o-1")).await;
    let reserved: StockReserved = env.expect("o-1").await;
    let held: Vec<_> =
        reserved.allocations.iter().map(|a| (a.line, a.location.as_str(), a.quantity)).collect();
    assert_eq!(held, [(1, "west", 2), (2, "west", 1)]);
    assert_eq!(reserved.order, Some(order("o-1")));
    assert!(reserved.expires_at.is_some());
    env.quiet().await;
    assert_eq!(env.count::<StockReserved>("o-1").await, 1);
    assert_eq!(units(&db).await, [15, 12, 3, 0]);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (Some(State::Held), 1));
}

#[tokio::test]
async fn an_order_that_is_short_of_one_line_takes_nothing() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 1), ("SKU-B", "east", 9)]).await;
    env.deliver(&accepted("o-1")).await;
    let dead = env.expect_dead("o-1").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("inventory.reserve", "stock-short"));
    env.quiet().await;
    assert_eq!(units(&db).await, [10, 10, 0, 0]);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (None, 0));
}

#[tokio::test]
async fn orders_that_make_no_sense_become_cases() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 9)]).await;
    env.deliver(&accepted("unknown-sku")).await;
    let mut nothing = accepted("no-units");
    nothing.order.iter_mut().for_each(|order| order.lines[0].quantity = -1);
    env.deliver(&nothing).await;
    env.deliver(&despatched("no-order", 1)).await;
    for (order_id, reason) in
        [("unknown-sku", "sku-unknown"), ("no-units", "quantity-invalid"), ("no-order", "unexpected-fact")]
    {
        assert_eq!(env.expect_dead(order_id).await.reason, reason);
    }
    assert_eq!(units(&db).await, [9, 9, 0, 0]);
}

#[tokio::test]
async fn a_paid_order_is_picked_parcel_by_parcel_and_does_not_expire() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReserved>("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    env.deliver(&ReservationExpiryDue { order_id: "o-1".into() }).await;
    env.quiet().await;
    let mut parcels = picked(&env, "o-1").await;
    parcels.sort();
    assert_eq!(parcels, [(1, 2, "east".into(), 1), (2, 2, "west".into(), 2)]);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (Some(State::Confirmed), 0));
    assert_eq!(units(&db).await, [3, 0, 3, 0]);
    assert_eq!(env.count::<StockReleased>("o-1").await, 0);
}

/// Each picked parcel: its number, of how many, where, how many units.
async fn picked(env: &TestEnv, order_id: &str) -> Vec<(u32, u32, String, i64)> {
    let messages = env.messages("evt.stock.picked").await;
    let of_order = messages.into_iter().filter(|message| message.subject == format!("order/{order_id}"));
    let parcel = |message: despatch_contracts::runtime::Envelope| {
        let picked = <StockPicked as prost::Message>::decode(message.payload).unwrap();
        let parcel = picked.parcel.unwrap();
        let units = parcel.contents.iter().map(|content| content.quantity).sum();
        (parcel.number, parcel.of, parcel.location, units)
    };
    of_order.map(parcel).collect()
}

#[tokio::test]
async fn an_unpaid_reservation_lapses() {
    let (env, db) = warehouse(0, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    let released: StockReleased = env.expect("o-1").await;
    assert_eq!(released.reason, Reason::ReservationExpired.code());
    env.quiet().await;
    assert_eq!(env.count::<StockReleased>("o-1").await, 1);
    assert_eq!(units(&db).await, [3, 3, 0, 0]);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (Some(State::Expired), 0));
}

#[tokio::test]
async fn a_hurried_timer_ends_no_reservation_before_its_time() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReserved>("o-1").await;
    let due = "SELECT due - despatch_now() > interval '59 min' FROM inventory.timer";
    db.execute("UPDATE inventory.timer SET due = despatch_now()", &[]).await.unwrap();
    eventually("the timer is set again", async || {
        let row = db.query_opt(due, &[]).await.unwrap()?;
        row.get::<_, bool>(0).then_some(())
    })
    .await;
    env.quiet().await;
    assert_eq!(state(&db, "o-1").await, Some(State::Held));
    assert_eq!(env.count::<StockReleased>("o-1").await, 0);
}

#[tokio::test]
async fn a_late_payment_reserves_again_while_there_is_stock() {
    let (env, db) = warehouse(0, &[("SKU-A", "east", 3), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReleased>("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    env.quiet().await;
    assert_eq!(state(&db, "o-1").await, Some(State::Confirmed));
    assert_eq!(units(&db).await, [4, 1, 3, 0]);

    env.deliver(&accepted("o-2")).await;
    assert_eq!(env.expect_dead("o-2").await.reason, "stock-short");
}

#[tokio::test]
async fn a_payment_too_late_for_the_stock_becomes_a_case() {
    let (env, db) = warehouse(0, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.deliver(&accepted("o-2")).await;
    for order_id in ["o-1", "o-2"] {
        // Each reserves in its turn, once the other's reservation expires.
        eventually("lapsed, or short and dead", async || {
            let lapsed = state(&db, order_id).await == Some(State::Expired);
            let dead = env
                .messages("dead.>")
                .await
                .iter()
                .any(|letter| letter.subject == format!("order/{order_id}"));
            (lapsed || dead).then_some(())
        })
        .await;
    }
    env.deliver(&captured("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    env.deliver(&captured("o-2")).await;
    eventually("the second is refused", async || {
        let letters = env.messages("dead.inventory.>").await;
        letters.iter().any(|letter| letter.source == "inventory.confirm").then_some(())
    })
    .await;
    assert_eq!(env.count::<StockPicked>("o-2").await, 0);
    assert_eq!(units(&db).await, [3, 0, 3, 0]);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_held_and_is_not_picked_any_more() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReserved>("o-1").await;
    env.deliver(&cancelled("o-1")).await;
    let released: StockReleased = env.expect("o-1").await;
    assert_eq!(released.reason, Reason::CustomerCancelled.code());
    env.deliver(&captured("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<StockReleased>("o-1").await, 1);
    assert_eq!(env.count::<StockPicked>("o-1").await, 0);
    assert_eq!(units(&db).await, [3, 3, 0, 0]);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (Some(State::Cancelled), 0));
}

#[tokio::test]
async fn an_order_cancelled_before_it_was_reserved_is_not_reserved() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&cancelled("o-1")).await;
    eventually("the cancellation is noted", async || state(&db, "o-1").await).await;
    env.deliver(&accepted("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<StockReserved>("o-1").await, 0);
    assert_eq!(env.count::<StockReleased>("o-1").await, 0);
    assert_eq!((units(&db).await, timers(&db).await), ([3, 3, 0, 0], 0));
}

#[tokio::test]
async fn a_later_scan_proves_that_the_parcel_left() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReserved>("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    // Neither parcel was ever reported as despatched before.
    env.deliver(&ShipmentDelivered { scan: despatched("o-1", 1).scan }).await;
    env.deliver(&ShipmentFailed { scan: despatched("o-1", 2).scan }).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [3, 0, 0, 3]);
    env.deliver(&despatched("o-1", 1)).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [3, 0, 0, 3]);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_despatched_parcel_is_shipped_once_and_stays_shipped() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2), ("SKU-B", "east", 1)]).await;
    env.deliver(&accepted("o-1")).await;
    env.expect::<StockReserved>("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    env.deliver(&despatched("o-1", 2)).await;
    // The same scan under another id, as a carrier may send it.
    env.deliver(&despatched("o-1", 2)).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [3, 0, 1, 2]);
    env.deliver(&despatched("o-1", 3)).await;
    assert_eq!(env.expect_dead("o-1").await.reason, "unexpected-fact");
    env.deliver(&cancelled("o-1")).await;
    env.expect::<StockReleased>("o-1").await;
    assert_eq!(units(&db).await, [3, 1, 0, 2]);
    let position = "SELECT available, reserved FROM inventory.position WHERE sku = 'SKU-A'";
    let row = db.query_one(position, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 0));
}

/// An order for these `(SKU, quantity)` lines.
fn order_for(order_id: &str, lines: &[(&str, i64)]) -> Order {
    let mut order = order(order_id);
    let line = order.lines[0].clone();
    let numbered = (1..).zip(lines);
    order.lines = numbered
        .map(|(number, (sku, quantity))| despatch_contracts::order::Line {
            number,
            sku: (*sku).into(),
            quantity: *quantity,
            ..line.clone()
        })
        .collect();
    order
}
