//! Changes of an order by its shop, after work on it began.

use despatch_contracts::order::{
    Address, Order, OrderAccepted, OrderAddressChangeRequested, OrderCancelled, OrderChanged, OrderCompleted,
    OrderExtended, OrderPlaced, OrderUpdateReported, ServiceLevel,
};
use despatch_contracts::stock::ParcelVoided;
use despatch_read_model::orders::accepted as kept;
use despatch_status::OrderState;
use despatch_testkit::{TestEnv, order};

use crate::fixture::{
    accepted, at, cancel, captured, delivered, despatched, env, labelled, picked, status, timeline, units,
    update,
};

/// The order at this second, to another street.
fn moved(id: &str, second: i64, street: &str) -> Order {
    at(id, second, |order| order.ship_to.as_mut().expect("one").street1 = street.into())
}

async fn document(env: &TestEnv, id: &str) -> Order {
    kept(&env.db().await, id).await.expect("a table").expect("an order")
}

/// Returns the order of the only change.
async fn changed(env: &TestEnv, id: &str) -> (OrderChanged, Order) {
    let changed: OrderChanged = env.expect(id).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderChanged>(id).await, 1);
    let order = changed.order.clone().expect("an order");
    assert_eq!(order, document(env, id).await);
    (changed, order)
}

async fn no_case(env: &TestEnv) {
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn until_a_parcel_leaves_an_order_follows_the_address_of_the_shop() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.deliver(&labelled("o-1", 1, 1)).await;
    env.quiet().await;
    env.deliver(&update(moved("o-1", 10, "9 Other Street"))).await;
    let (change, order) = changed(&env, "o-1").await;
    assert!(change.needs_labels);
    assert_eq!((&*change.requested_by, order.ship_to), ("test", moved("o-1", 10, "9 Other Street").ship_to));
    let timeline = timeline(&env, "o-1").await;
    assert_eq!(change.change as usize, timeline.len());
    let last = timeline.last().expect("an entry");
    assert_eq!((last.event.as_str(), last.detail.as_str()), ("order.update-reported", "address: street1"));
    assert_eq!(last.to, OrderState::Labelled);
    no_case(&env).await;
}

#[tokio::test]
async fn units_that_the_shop_takes_off_come_off_and_the_rest_goes_on() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&picked("o-1", 1, 2)).await;
    env.deliver(&captured("o-1")).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Paid, "two units are not picked");
    // One of two, and all of the other line. The shop numbers the line that is left from 1.
    let less = at("o-1", 10, |order| {
        order.lines.remove(1);
        order.lines[0].quantity = 1;
        order.lines[0].total_minor = 5000;
    });
    env.deliver(&update(less.clone())).await;
    let (change, order) = changed(&env, "o-1").await;
    assert!(!change.needs_labels);
    assert_eq!(units(&order), [(1, 1), (2, 0)]);
    assert_eq!((order.lines[0].removed, order.lines[1].removed, order.lines[1].total_minor), (1, 1, 0));
    assert_eq!(order.total_minor, less.total_minor);
    let [tender] = &order.tenders[..] else { panic!("one tender") };
    assert_eq!((tender.amount_minor, tender.authorised_minor), (less.total_minor, 13_000));
    assert_eq!(status(&env, "o-1").await.state, OrderState::Picked, "the picked unit is all of the order");
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    let words = "line 1, SKU-A: 1 units, before 2, line 2, SKU-B: 0 units, before 1, total: 56.55 USD, before 130.00 USD";
    assert_eq!((&*last.detail, last.to), (words, OrderState::Picked));
    no_case(&env).await;
}

#[tokio::test]
async fn an_order_completes_when_the_last_units_that_we_send_are_taken_off() {
    let env = env().await;
    let mut mixed = order("o-1");
    mixed.lines[1].fulfilment = despatch_contracts::order::Fulfilment::Digital.into();
    env.deliver(&OrderPlaced { order: Some(mixed.clone()) }).await;
    env.expect::<OrderAccepted>("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Paid);
    let digital = at("o-1", 10, |order| {
        order.lines[1].fulfilment = mixed.lines[1].fulfilment;
        order.lines.remove(0);
    });
    env.deliver(&update(digital)).await;
    env.expect::<OrderCompleted>("o-1").await;
    changed(&env, "o-1").await;
    assert_eq!(env.count::<OrderCompleted>("o-1").await, 1);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((last.to, &*last.reason), (OrderState::Completed, "all-done"));
    no_case(&env).await;
}

#[tokio::test]
async fn amounts_alone_and_another_service_are_followed() {
    let env = env().await;
    for id in ["cheaper", "faster", "same"] {
        accepted(&env, id).await;
    }
    env.deliver(&update(at("cheaper", 10, |order| order.charges.clear()))).await;
    let (change, order) = changed(&env, "cheaper").await;
    assert_eq!(
        (change.needs_labels, order.total_minor, order.tenders[0].amount_minor),
        (false, 12_500, 12_500)
    );
    let faster = at("faster", 10, |order| order.service_level = ServiceLevel::SameDay.into());
    env.deliver(&update(faster)).await;
    let (change, order) = changed(&env, "faster").await;
    assert_eq!((change.needs_labels, order.service_level()), (true, ServiceLevel::SameDay));
    // A note alone is kept, and nobody has to do anything.
    env.deliver(&update(at("same", 10, |order| order.note = "ring twice".into()))).await;
    no_case(&env).await;
    assert_eq!(env.count::<OrderChanged>("same").await, 0);
    assert_eq!(document(&env, "same").await.note, "ring twice");
}

#[tokio::test]
async fn an_address_that_the_customer_chose_stands_until_the_shop_says_another_one() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let chosen = Address { street1: "7 New Street".into(), ..order("o-1").ship_to.expect("one") };
    env.deliver(&OrderAddressChangeRequested {
        order_id: "o-1".into(),
        address: Some(chosen.clone()),
        requested_by: "customer".into(),
        by: String::new(),
    })
    .await;
    let (change, _) = changed(&env, "o-1").await;
    assert_eq!((change.needs_labels, &*change.requested_by), (true, "customer"));
    // The shop repeats the address that it knows, with fewer units.
    env.deliver(&update(at("o-1", 10, |order| drop(order.lines.pop())))).await;
    env.quiet().await;
    let document = document(&env, "o-1").await;
    assert_eq!((document.ship_to, env.count::<OrderChanged>("o-1").await), (Some(chosen.clone()), 2));
    // An address from before the customer's is not taken. A newer one is.
    let mut former = moved("o-1", 11, "1 Former Street");
    former.updated_at = Some(prost_types::Timestamp { seconds: 1_600_000_000, nanos: 0 });
    env.deliver(&update(former)).await;
    env.quiet().await;
    assert_eq!(self::document(&env, "o-1").await.ship_to, Some(chosen));
    let mut newest = moved("o-1", 12, "5 Newest Street");
    newest.lines.pop();
    newest.total_minor -= 2345;
    env.deliver(&update(newest.clone())).await;
    no_case(&env).await;
    assert_eq!(self::document(&env, "o-1").await.ship_to, newest.ship_to);
}

#[tokio::test]
async fn after_the_hand_over_and_where_it_is_not_possible_a_person_decides() {
    let env = env().await;
    for id in ["left", "repeated", "abroad", "nowhere", "currency", "collected", "odd", "cancelled"] {
        accepted(&env, id).await;
    }
    env.deliver(&despatched("left", 1, 2)).await;
    env.deliver(&despatched("repeated", 1, 2)).await;
    env.deliver(&cancel("cancelled")).await;
    env.quiet().await;
    let address =
        |id: &str, change: fn(&mut Address)| at(id, 10, |order| change(order.ship_to.as_mut().expect("one")));
    let collected = despatch_contracts::order::Fulfilment::Pickup;
    for (order, reason, words) in [
        (
            at("left", 10, |order| drop(order.lines.pop())),
            "order-changed",
            "line 2, SKU-B: 0 units, before 1, total: 106.55 USD, before 130.00 USD; \
             a parcel has left, or the order is at its end",
        ),
        (
            address("abroad", |to| to.country = "CA".into()),
            "order-changed",
            "the new address is in another country",
        ),
        (
            address("nowhere", |to| to.city.clear()),
            "order-changed",
            "the new address has no street, city or country",
        ),
        (
            at("currency", 10, |order| order.currency = "EUR".into()),
            "order-changed",
            "it is in another currency",
        ),
        (
            at("collected", 10, |order| {
                for line in &mut order.lines {
                    line.set_fulfilment(collected);
                }
            }),
            "order-changed",
            "units that were to be sent are collected",
        ),
        (
            Order { total_minor: 1, ..at("odd", 10, |_| ()) },
            "totals-mismatch",
            "expected a total of 1 minor units",
        ),
        (at("cancelled", 10, |_| ()), "order-changed", "the order is cancelled here"),
    ] {
        let id = order.order_id.clone();
        let before = document(&env, &id).await;
        env.deliver(&update(order)).await;
        let case = env.expect_dead(&id).await;
        let error = &case.failures[0].error;
        assert!(case.reason == reason && error.contains(words), "{id}: {} {error}", case.reason);
        assert_eq!(document(&env, &id).await, before, "{id}");
        assert_eq!(env.count::<OrderChanged>(&id).await, 0, "{id}");
    }
    // A word that says nothing new is no case.
    env.deliver(&update(at("repeated", 10, |_| ()))).await;
    env.quiet().await;
    assert_eq!(env.messages("dead.>").await.len(), 7);
}

#[tokio::test]
async fn a_word_that_a_later_one_overtook_is_not_taken() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&update(moved("o-1", 100, "9 Other Street"))).await;
    let (_, newest) = changed(&env, "o-1").await;
    env.deliver(&update(moved("o-1", 50, "1 Former Street"))).await;
    env.deliver(&update(at("o-1", 60, |order| drop(order.lines.pop())))).await;
    // The same word as another event changes nothing.
    env.deliver(&update(moved("o-1", 100, "9 Other Street"))).await;
    no_case(&env).await;
    assert_eq!(document(&env, "o-1").await, newest);
    assert_eq!(env.count::<OrderChanged>("o-1").await, 1);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!(&*last.reason, "already-applied");
}

#[tokio::test]
async fn an_update_waits_for_its_order() {
    let env = env().await;
    env.deliver(&update(moved("o-1", 10, "9 Other Street"))).await;
    accepted(&env, "o-1").await;
    changed(&env, "o-1").await;
    no_case(&env).await;
}

#[tokio::test]
async fn an_order_of_which_the_shop_took_every_unit_off_is_cancelled() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let emptied = |second| {
        update(at("o-1", second, |order| {
            for line in &mut order.lines {
                line.removed = line.quantity;
                line.total_minor = 0;
            }
        }))
    };
    env.deliver(&emptied(10)).await;
    let cancelled: OrderCancelled = env.expect("o-1").await;
    assert_eq!(cancelled.reason, "shop-cancelled");
    env.quiet().await;
    // Neither what came before nor a repetition is news of a cancelled order.
    env.deliver(&update(moved("o-1", 5, "1 Former Street"))).await;
    env.deliver(&emptied(20)).await;
    no_case(&env).await;
}

#[tokio::test]
async fn units_of_a_parcel_that_is_not_sent_are_waited_for_in_another_one() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&captured("o-1")).await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Picked);
    env.deliver(&ParcelVoided { order_id: "o-1".into(), parcel: 1, reason: "order-changed".into() }).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Paid);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((&*last.event, &*last.detail), ("stock.parcel-voided", "parcel 1: order-changed"));
    env.deliver(&picked("o-1", 2, 1)).await;
    env.deliver(&delivered("o-1", 2, 1)).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Delivered);
}

#[tokio::test]
async fn words_in_any_order_leave_the_newest_and_no_unit_that_was_taken_off() {
    let env = env().await;
    let words: Vec<OrderUpdateReported> = [(2, "2 Street"), (1, "3 Street"), (1, "4 Street")]
        .into_iter()
        .zip(1..)
        .map(|((units, street), second)| {
            update(at("o", second * 10, |order| {
                order.lines.truncate(1);
                order.lines[0].quantity = units;
                order.lines[0].total_minor = units * 5000;
                order.ship_to.as_mut().expect("one").street1 = street.into();
            }))
        })
        .collect();
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (number, arrival) in orders.iter().enumerate() {
        let id = format!("o-{number}");
        let of = |word: &OrderUpdateReported| {
            update(Order { order_id: id.clone(), ..word.order.clone().expect("one") })
        };
        env.deliver(&of(&words[arrival[0]])).await;
        accepted(&env, &id).await;
        for at in &arrival[1..] {
            env.deliver(&of(&words[*at])).await;
        }
    }
    no_case(&env).await;
    for (number, arrival) in orders.iter().enumerate() {
        let document = document(&env, &format!("o-{number}")).await;
        assert_eq!(units(&document), [(1, 1), (2, 0)], "{arrival:?}");
        assert_eq!(document.ship_to.expect("one").street1, "4 Street");
        assert_eq!(env.count::<OrderExtended>(&format!("o-{number}")).await, 0);
    }
}
