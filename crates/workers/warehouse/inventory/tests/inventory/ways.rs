//! Lines that reach the customer in other ways than by our parcels.

use despatch_contracts::order::Fulfilment;

use super::*;

/// The sample order with another way of bringing each of its two lines.
pub(crate) fn brought(order_id: &str, ways: [Fulfilment; 2]) -> Order {
    let mut order = order(order_id);
    order.lines.iter_mut().zip(ways).for_each(|(line, way)| line.set_fulfilment(way));
    order
}

#[tokio::test]
async fn lines_that_others_bring_and_units_that_were_taken_off_are_not_reserved() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2)]).await;
    let mut order = brought("o-1", [Fulfilment::Ours, Fulfilment::OtherService]);
    order.lines[0].removed = 1;
    env.deliver(&PaymentAuthorised { order: Some(order.clone()) }).await;
    let reserved: StockReserved = env.expect("o-1").await;
    let held: Vec<_> = reserved.allocations.iter().map(|it| (it.line, it.quantity)).collect();
    assert_eq!(held, [(1, 1)], "no location ever had the other line's SKU");
    env.deliver(&PaymentCaptured { order: Some(order), ..captured("o-1") }).await;
    env.expect::<StockPicked>("o-1").await;
    env.quiet().await;
    assert_eq!(picked(&env, "o-1").await, [(1, 1, "west".into(), 1)]);
    assert_eq!(units(&db).await, [2, 1, 1, 0]);
}

#[tokio::test]
async fn what_the_customer_collects_is_a_parcel_of_its_own_and_leaves_with_the_customer() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 2), ("SKU-B", "east", 1)]).await;
    let order = brought("o-1", [Fulfilment::Ours, Fulfilment::Pickup]);
    env.deliver(&PaymentAuthorised { order: Some(order.clone()) }).await;
    env.expect::<StockReserved>("o-1").await;
    env.deliver(&PaymentCaptured { order: Some(order), ..captured("o-1") }).await;
    env.expect::<StockPicked>("o-1").await;
    env.quiet().await;
    let events = env.messages("evt.stock.picked").await;
    let mut parcels: Vec<_> = events
        .into_iter()
        .map(|message| <StockPicked as prost::Message>::decode(message.payload).unwrap().parcel.unwrap())
        .map(|parcel| (parcel.number, parcel.of, parcel.is_collected, parcel.contents[0].line))
        .collect();
    parcels.sort_unstable();
    assert_eq!(parcels, [(1, 2, true, 2), (2, 2, false, 1)]);
    env.deliver(&ShipmentCollected { order_id: "o-1".into(), parcel: 1, parcels: 2 }).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [3, 0, 2, 1]);
}

#[tokio::test]
async fn an_order_with_nothing_to_pick_goes_on_to_its_payment() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 2)]).await;
    let order = brought("o-1", [Fulfilment::Digital, Fulfilment::None]);
    env.deliver(&PaymentAuthorised { order: Some(order.clone()) }).await;
    let reserved: StockReserved = env.expect("o-1").await;
    assert!(reserved.allocations.is_empty());
    env.deliver(&PaymentCaptured { order: Some(order), ..captured("o-1") }).await;
    env.quiet().await;
    assert_eq!(env.count::<StockPicked>("o-1").await, 0);
    assert_eq!((state(&db, "o-1").await, timers(&db).await), (Some(State::Confirmed), 0));
    assert_eq!(units(&db).await, [2, 2, 0, 0]);
    assert!(env.messages("dead.>").await.is_empty());
}
