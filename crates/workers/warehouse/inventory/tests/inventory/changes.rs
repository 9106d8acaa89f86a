//! Orders that change: whatever comes first, the parcels hold what the newest order has.

use despatch_contracts::order::{OrderChanged, OrderExtended};
use despatch_contracts::stock::{ChangeMissed, ParcelVoided};

use super::*;

/// An order for these units of SKU-A and SKU-B.
pub(super) fn of(order_id: &str, units: [i64; 2]) -> Order {
    let mut order = order(order_id);
    order.lines.iter_mut().zip(units).for_each(|(line, units)| line.removed = line.quantity - units);
    order
}

pub(super) fn authorised(order: &Order) -> PaymentAuthorised {
    PaymentAuthorised { order: Some(order.clone()) }
}

pub(super) fn paid(order: &Order) -> PaymentCaptured {
    PaymentCaptured { order: Some(order.clone()), ..captured(&order.order_id) }
}

pub(super) fn changed(change: u32, order: &Order) -> OrderChanged {
    OrderChanged { order: Some(order.clone()), change, needs_labels: false, requested_by: "main-shop".into() }
}

pub(super) fn moved(change: u32, order: &Order) -> OrderChanged {
    OrderChanged { needs_labels: true, ..changed(change, order) }
}

pub(super) fn extended(change: u32, order: &Order) -> OrderExtended {
    OrderExtended { order: Some(order.clone()), change }
}

/// The parcels that go, after all events: `(number, position, of, location, units by line)`.
pub(super) async fn going(env: &TestEnv, order_id: &str) -> Vec<(u32, u32, u32, String, Vec<(u32, i64)>)> {
    let subject = format!("order/{order_id}");
    let about = async |filter: &str| {
        let messages = env.messages(filter).await.into_iter();
        messages
            .filter(|message| message.subject == subject)
            .map(|message| message.payload)
            .collect::<Vec<_>>()
    };
    let void = about("evt.stock.parcel-voided").await.into_iter();
    let void: Vec<u32> =
        void.map(|payload| <ParcelVoided as prost::Message>::decode(payload).unwrap().parcel).collect();
    let mut parcels = Vec::new();
    for payload in about("evt.stock.picked").await {
        let parcel = <StockPicked as prost::Message>::decode(payload).unwrap().parcel.unwrap();
        let units = parcel.contents.iter().map(|it| (it.line, it.quantity)).collect();
        assert!(parcel.position <= parcel.of);
        parcels.push((parcel.number, parcel.position, parcel.of, parcel.location, units));
    }
    parcels.sort();
    assert!(parcels.windows(2).all(|pair| pair[0].0 != pair[1].0), "a number is used once: {parcels:?}");
    assert!(void.iter().all(|number| parcels.iter().any(|parcel| parcel.0 == *number)));
    parcels.retain(|parcel| !void.contains(&parcel.0));
    parcels
}

/// SKU-A in the west and SKU-B in the east: two parcels.
pub(super) async fn two_places() -> (TestEnv, Client) {
    warehouse(AN_HOUR, &[("SKU-A", "west", 9), ("SKU-B", "east", 9)]).await
}

pub(super) async fn is_reserved(env: &TestEnv, order: &Order) {
    env.deliver(&authorised(order)).await;
    env.expect::<StockReserved>(&order.order_id).await;
}

pub(super) async fn is_picked(env: &TestEnv, order: &Order) {
    is_reserved(env, order).await;
    env.deliver(&paid(order)).await;
    env.expect::<StockPicked>(&order.order_id).await;
    env.quiet().await;
}

#[tokio::test]
async fn a_change_before_the_reservation_is_what_is_reserved() {
    let (env, db) = two_places().await;
    let mut newest = of("o-1", [1, 0]);
    newest.lines[0].sku = "SKU-B".into();
    newest.service_level = 3;
    env.deliver(&changed(4, &newest)).await;
    env.quiet().await;
    // The event carries the order as it was when it was accepted.
    env.deliver(&authorised(&of("o-1", [2, 1]))).await;
    let reserved: StockReserved = env.expect("o-1").await;
    assert_eq!(reserved.order, Some(newest.clone()));
    assert_eq!(reserved.allocations.len(), 1);
    env.deliver(&paid(&of("o-1", [2, 1]))).await;
    let picked: StockPicked = env.expect("o-1").await;
    assert_eq!(picked.order, Some(newest));
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, [(1, 1, 1, "east".into(), vec![(1, 1)])]);
    assert_eq!(units(&db).await, [18, 17, 1, 0]);
}

#[tokio::test]
async fn a_change_before_the_payment_gives_units_back() {
    let (env, db) = two_places().await;
    is_reserved(&env, &of("o-1", [2, 1])).await;
    env.deliver(&changed(4, &of("o-1", [1, 1]))).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [18, 16, 2, 0]);
    env.deliver(&changed(5, &of("o-1", [1, 0]))).await;
    env.quiet().await;
    assert!(env.messages("evt.stock.parcel-voided").await.is_empty(), "nobody knows of parcels yet");
    env.deliver(&paid(&of("o-1", [2, 1]))).await;
    let picked: StockPicked = env.expect("o-1").await;
    assert_eq!(picked.order, Some(of("o-1", [1, 0])));
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, [(1, 1, 1, "west".into(), vec![(1, 1)])]);
    assert_eq!(units(&db).await, [18, 17, 1, 0]);
}

#[tokio::test]
async fn a_picked_parcel_whose_units_changed_is_voided_and_made_again_and_the_other_stays() {
    let (env, db) = two_places().await;
    is_picked(&env, &of("o-1", [2, 1])).await;
    env.deliver(&changed(4, &of("o-1", [1, 1]))).await;
    let voided: ParcelVoided = env.expect("o-1").await;
    assert_eq!((voided.parcel, voided.reason.as_str()), (2, "order-changed"));
    env.quiet().await;
    let (east, west) = ("east".to_owned(), "west".to_owned());
    let first = (1, 1, 2, east, vec![(2, 1)]);
    assert_eq!(going(&env, "o-1").await, [first.clone(), (3, 2, 2, west.clone(), vec![(1, 1)])]);
    assert_eq!(units(&db).await, [18, 16, 2, 0]);
    // A parcel that is empty is voided alone. Its number is gone for good.
    env.deliver(&changed(5, &of("o-1", [0, 1]))).await;
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, std::slice::from_ref(&first));
    env.deliver(&extended(6, &of("o-1", [1, 1]))).await;
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, [first, (4, 2, 2, west, vec![(1, 1)])]);
    assert_eq!(units(&db).await, [18, 16, 2, 0]);
    // The scan of a voided parcel is nobody's; that of its successor counts.
    env.deliver(&despatched("o-1", 2)).await;
    assert_eq!(env.expect_dead("o-1").await.reason, "unexpected-fact");
    env.deliver(&despatched("o-1", 4)).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [18, 16, 1, 1]);
}

#[tokio::test]
async fn another_address_makes_every_parcel_again_but_that_which_the_customer_collects() {
    let (env, db) = two_places().await;
    let mut order = crate::ways::brought("o-1", [Fulfilment::Ours, Fulfilment::Pickup]);
    is_picked(&env, &order).await;
    order.ship_to.iter_mut().for_each(|address| address.street1 = "9 New Street".into());
    env.deliver(&moved(4, &order)).await;
    env.expect::<ParcelVoided>("o-1").await;
    env.quiet().await;
    let parcels = going(&env, "o-1").await;
    assert_eq!(parcels.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>(), [(1, 1), (3, 2)]);
    let newest = env.messages("evt.stock.picked").await.pop().unwrap();
    let newest = <StockPicked as prost::Message>::decode(newest.payload).unwrap();
    assert_eq!(newest.order, Some(order));
    assert_eq!(units(&db).await, [18, 15, 3, 0]);
}

#[tokio::test]
async fn what_has_left_stays_and_is_a_case_and_the_rest_is_taken_off() {
    let (env, db) = two_places().await;
    is_picked(&env, &of("o-1", [2, 1])).await;
    env.deliver(&despatched("o-1", 2)).await;
    env.quiet().await;
    env.deliver(&changed(4, &of("o-1", [1, 0]))).await;
    let missed: ChangeMissed = env.expect("o-1").await;
    assert_eq!((missed.change, missed.parcels, missed.units[0].quantity), (4, vec![2], 1));
    let dead = env.expect_dead("o-1").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("inventory.flag-missed", "order-changed"));
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, [(2, 2, 2, "west".into(), vec![(1, 2)])]);
    assert_eq!(units(&db).await, [18, 16, 0, 2]);
}

#[tokio::test]
async fn a_change_after_the_scan_moves_nothing() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 9), ("SKU-B", "west", 9)]).await;
    is_picked(&env, &of("o-1", [2, 1])).await;
    env.deliver(&despatched("o-1", 1)).await;
    env.quiet().await;
    let mut order = of("o-1", [2, 1]);
    order.ship_to.iter_mut().for_each(|address| address.street1 = "9 New Street".into());
    env.deliver(&moved(4, &order)).await;
    assert_eq!(env.expect_dead("o-1").await.reason, "order-changed");
    env.quiet().await;
    assert!(env.messages("evt.stock.parcel-voided").await.is_empty());
    assert_eq!((env.count::<StockPicked>("o-1").await, units(&db).await), (1, [18, 15, 0, 3]));
}

#[tokio::test]
async fn added_units_join_a_parcel_at_their_location_or_make_one() {
    let (env, db) = two_places().await;
    is_picked(&env, &of("o-1", [1, 0])).await;
    env.deliver(&extended(4, &of("o-1", [2, 1]))).await;
    env.expect::<ParcelVoided>("o-1").await;
    env.quiet().await;
    let mut parcels = going(&env, "o-1").await;
    parcels.sort_by_key(|parcel| parcel.1);
    let units_of: Vec<_> = parcels.iter().map(|it| (it.1, it.2, it.3.as_str(), it.4.clone())).collect();
    assert_eq!(units_of, [(1, 2, "west", vec![(1, 2)]), (2, 2, "east", vec![(2, 1)])]);
    assert_eq!(units(&db).await, [18, 15, 3, 0]);
}

#[tokio::test]
async fn added_units_that_are_not_there_are_a_case_that_a_replay_ends() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2), ("SKU-B", "east", 1)]).await;
    is_reserved(&env, &of("o-2", [0, 1])).await;
    is_picked(&env, &of("o-1", [1, 0])).await;
    env.deliver(&extended(4, &of("o-1", [2, 1]))).await;
    let dead = env.expect_dead("o-1").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("inventory.add", "stock-short"));
    assert_eq!(units(&db).await, [3, 1, 2, 0], "all of them or none");
    // The shop takes one off again, and the other comes in.
    env.deliver(&changed(5, &of("o-1", [1, 1]))).await;
    store::receive(&db, "r-2", &[("SKU-B", "east", 1)]).await.unwrap();
    env.quiet().await;
    env.deliver(&extended(4, &of("o-1", [2, 1]))).await;
    env.quiet().await;
    let parcels = going(&env, "o-1").await;
    assert_eq!(parcels.iter().map(|it| it.4.clone()).collect::<Vec<_>>(), [[(1, 1)], [(2, 1)]]);
    assert_eq!(units(&db).await, [4, 1, 3, 0]);
}

#[tokio::test]
async fn an_addition_that_is_not_there_keeps_nothing_of_a_paid_order_back() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2), ("SKU-B", "east", 1)]).await;
    is_reserved(&env, &of("o-2", [0, 1])).await;
    is_reserved(&env, &of("o-1", [1, 0])).await;
    env.deliver(&extended(4, &of("o-1", [1, 1]))).await;
    assert_eq!(env.expect_dead("o-1").await.handler, "inventory.add");
    // The payment carries the order with what was added.
    env.deliver(&paid(&of("o-1", [1, 1]))).await;
    env.expect::<StockPicked>("o-1").await;
    env.quiet().await;
    assert_eq!(going(&env, "o-1").await, [(1, 1, 1, "west".into(), vec![(1, 1)])]);
    store::receive(&db, "r-2", &[("SKU-B", "east", 1)]).await.unwrap();
    env.deliver(&extended(4, &of("o-1", [1, 1]))).await;
    env.quiet().await;
    let parcels = going(&env, "o-1").await;
    assert_eq!(parcels.iter().map(|it| it.4.clone()).collect::<Vec<_>>(), [[(1, 1)], [(2, 1)]]);
    assert_eq!(units(&db).await, [4, 1, 3, 0]);
}
