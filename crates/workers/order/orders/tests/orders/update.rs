//! Changes of an order by its shop, after work on it began.

use despatch_contracts::order::{
    Address, Order, OrderAddressChangeRequested, OrderAddressChanged, OrderCancelled, OrderUpdateReported,
};
use despatch_read_model::orders::accepted as kept;
use despatch_testkit::order;
use prost_types::Timestamp;

use crate::fixture::{accepted, despatched, env, labelled, picked, timeline};

fn reported(order: Order) -> OrderUpdateReported {
    OrderUpdateReported { order: Some(order) }
}

/// The order, to another street.
fn moved(id: &str) -> Order {
    let order = order(id);
    let address = Address { street1: "9 Other Street".into(), ..order.ship_to.clone().expect("one") };
    Order { ship_to: Some(address), ..order }
}

#[tokio::test]
async fn until_a_parcel_leaves_an_order_follows_the_address_of_the_shop() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.deliver(&labelled("o-1", 1, 1)).await;
    env.quiet().await;
    env.deliver(&reported(moved("o-1"))).await;
    let changed: OrderAddressChanged = env.expect("o-1").await;
    assert_eq!((changed.address, changed.former), (moved("o-1").ship_to, order("o-1").ship_to));
    env.quiet().await;
    let document = kept(&env.db().await, "o-1").await.expect("a table").expect("an order");
    assert_eq!(document.ship_to, moved("o-1").ship_to);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((last.event.as_str(), last.detail.as_str()), ("order.update-reported", "another street1"));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_person_decides_about_everything_else() {
    let env = env().await;
    for id in ["units", "left", "abroad", "moved"] {
        accepted(&env, id).await;
    }
    let elsewhere = Address { street1: "7 New Street".into(), ..order("moved").ship_to.expect("one") };
    let asked = OrderAddressChangeRequested {
        order_id: "moved".into(),
        address: Some(elsewhere),
        requested_by: "customer".into(),
        by: String::new(),
    };
    env.deliver(&asked).await;
    env.expect::<OrderAddressChanged>("moved").await;
    env.deliver(&despatched("left", 1, 2)).await;
    env.quiet().await;
    let mut more = moved("units");
    more.lines[0].quantity += 1;
    let mut abroad = moved("abroad");
    abroad.ship_to.as_mut().expect("one").country = "CA".into();
    for (order, words) in [
        (more, "address: street1, SKU-A: 3 units, before 2"),
        (moved("left"), "address: street1, a parcel has left, or the order is at its end"),
        (moved("moved"), "address: street1, the customer changed it in despatch"),
        (abroad, "address: street1, country, the new address is in another country"),
    ] {
        let id = order.order_id.clone();
        env.deliver(&reported(order)).await;
        let case = env.expect_dead(&id).await;
        assert_eq!(case.reason, "order-changed");
        let error = &case.failures[0].error;
        assert!(error.ends_with(words), "{id}: {error}");
        assert_eq!(env.count::<OrderAddressChanged>(&id).await, usize::from(id == "moved"));
    }
}

#[tokio::test]
async fn an_address_that_a_later_one_overtook_is_not_taken() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let mut newest = moved("o-1");
    newest.updated_at = at(1_800_000_100);
    env.deliver(&reported(newest.clone())).await;
    env.expect::<OrderAddressChanged>("o-1").await;
    let mut older = moved("o-1");
    older.updated_at = at(1_800_000_000);
    older.ship_to.as_mut().expect("one").street1 = "1 Former Street".into();
    env.deliver(&reported(older)).await;
    env.quiet().await;
    let document = kept(&env.db().await, "o-1").await.expect("a table").expect("an order");
    assert_eq!(document.ship_to, newest.ship_to);
    assert_eq!(env.count::<OrderAddressChanged>("o-1").await, 1);
}

#[tokio::test]
async fn an_order_of_which_the_shop_took_every_unit_off_is_cancelled() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let mut emptied = order("o-1");
    for line in &mut emptied.lines {
        line.removed = line.quantity;
        line.total_minor = 0;
    }
    env.deliver(&reported(emptied)).await;
    let cancelled: OrderCancelled = env.expect("o-1").await;
    assert_eq!(cancelled.reason, "shop-cancelled");
    assert!(env.messages("dead.>").await.is_empty());
}
