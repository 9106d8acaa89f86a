//! Units and amounts that a shop adds to an order: they wait for their payment, and the rest does not.

use despatch_contracts::order::{
    AdditionReported, Line, Order, OrderAccepted, OrderChanged, OrderCompleted, OrderExtended, OrderPlaced,
    PaymentReported, Tender, TenderState,
};
use despatch_contracts::tender;
use despatch_read_model::orders::accepted as kept;
use despatch_status::OrderState;
use despatch_testkit::{TestEnv, order};
use prost::Message as _;

use crate::fixture::{
    accepted, at, cancel, captured, delivered, env, picked, reviewed, status, timeline, units, update,
};

/// Three of another article.
fn third() -> Line {
    Line { number: 3, sku: "SKU-C".into(), quantity: 3, total_minor: 3000, ..Line::default() }
}

fn in_shop(amount_minor: i64, state: TenderState) -> Tender {
    let (provider, currency) = (tender::SHOP.to_owned(), "USD".to_owned());
    Tender { provider, amount_minor, currency, state: state.into(), ..Tender::default() }
}

/// The order with three further units; the shop has the money for them if `is_paid`.
fn more(id: &str, second: i64, is_paid: bool) -> Order {
    let order = at(id, second, |order| order.lines.push(third()));
    let state = if is_paid { TenderState::Captured } else { TenderState::Pending };
    let tenders = vec![despatch_testkit::order(id).tenders.remove(0), in_shop(3000, state)];
    Order { tenders, ..order }
}

fn reported(order: Order) -> PaymentReported {
    PaymentReported {
        order_id: order.order_id.clone(),
        tenders: order.tenders.clone(),
        is_part: false,
        order: Some(order),
    }
}

async fn document(env: &TestEnv, id: &str) -> Order {
    kept(&env.db().await, id).await.expect("a table").expect("an order")
}

#[tokio::test]
async fn a_line_that_is_paid_for_is_added_once() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&update(more("o-1", 10, true))).await;
    let extended: OrderExtended = env.expect("o-1").await;
    env.quiet().await;
    let order = extended.order.expect("an order");
    assert_eq!(order, document(&env, "o-1").await);
    assert_eq!(units(&order), [(1, 2), (2, 1), (3, 3)]);
    assert_eq!(order.tenders, more("o-1", 10, true).tenders);
    assert_eq!(extended.change as usize, timeline(&env, "o-1").await.len());
    // The same again, by an update and by a payment.
    env.deliver(&update(more("o-1", 11, true))).await;
    env.deliver(&reported(more("o-1", 11, true))).await;
    env.deliver(&AdditionReported { order: Some(more("o-1", 11, true)) }).await;
    env.quiet().await;
    assert_eq!((env.count::<OrderExtended>("o-1").await, env.count::<OrderChanged>("o-1").await), (1, 0));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_line_that_is_not_paid_for_is_a_case_until_the_shop_has_the_money() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let before = document(&env, "o-1").await;
    env.deliver(&update(more("o-1", 10, false))).await;
    let case = env.expect_dead("o-1").await;
    let error = &case.failures[0].error;
    assert_eq!((&*case.handler, &*case.reason), ("orders.add", "order-changed"));
    for words in
        ["line 3, SKU-C: 3 units, before 0", "total: 160.00 USD, before 130.00 USD", "take the payment"]
    {
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(
        (document(&env, "o-1").await.lines, env.count::<OrderChanged>("o-1").await),
        (before.lines, 0)
    );
    // Without the added units the order is not at its end.
    env.deliver(&captured("o-1")).await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Paid);

    env.deliver(&reported(more("o-1", 20, true))).await;
    let extended: OrderExtended = env.expect("o-1").await;
    assert_eq!(units(&extended.order.expect("an order")), [(1, 2), (2, 1), (3, 3)]);
    // And a replay of the case has nothing left to do.
    env.publish(&case.event.expect("the event").replay("orders.add", 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderExtended>("o-1").await, 1);
    assert_eq!(env.messages("dead.>").await.len(), 1);
    assert_eq!(env.messages("settled.orders.add").await.len(), 1, "the case is resolved");
}

#[tokio::test]
async fn a_payment_that_overtakes_its_update_brings_all_of_it() {
    let env = env().await;
    accepted(&env, "o-1").await;
    // One line for another, both at once.
    let mut swapped = more("o-1", 10, true);
    swapped.lines.remove(1);
    swapped.total_minor -= 2345;
    swapped.tenders[1].amount_minor -= 2345;
    env.deliver(&reported(swapped.clone())).await;
    let extended: OrderExtended = env.expect("o-1").await;
    let changed: OrderChanged = env.expect("o-1").await;
    assert_eq!((changed.order.clone(), changed.change), (extended.order, extended.change));
    assert_eq!(units(&changed.order.expect("an order")), [(1, 2), (2, 0), (3, 3)]);
    env.deliver(&update(swapped)).await;
    env.quiet().await;
    assert_eq!((env.count::<OrderExtended>("o-1").await, env.count::<OrderChanged>("o-1").await), (1, 1));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn of_a_swap_the_units_that_go_come_off_at_once() {
    let env = env().await;
    for id in ["paid", "unpaid"] {
        accepted(&env, id).await;
        // Three units for one, and the total rises.
        let mut swap = more(id, 10, id == "paid");
        swap.lines.remove(1);
        swap.total_minor -= 2345;
        swap.tenders[1].amount_minor -= 2345;
        swap.ship_to.as_mut().expect("one").street1 = "9 Other Street".into();
        env.deliver(&update(swap)).await;
        let changed: OrderChanged = env.expect(id).await;
        let order = changed.order.expect("an order");
        assert_eq!(
            (units(&order), order.total_minor, changed.needs_labels),
            (vec![(1, 2), (2, 0)], 13_000, true)
        );
        assert_eq!(order.ship_to.expect("one").street1, "9 Other Street");
        if id == "paid" {
            let extended: OrderExtended = env.expect(id).await;
            let order = extended.order.expect("an order");
            assert_eq!((units(&order), order.total_minor), (vec![(1, 2), (2, 0), (3, 3)], 13_655));
            assert!(extended.change > changed.change);
        } else {
            assert_eq!(env.expect_dead(id).await.reason, "order-changed");
        }
    }
    // The line that stayed is delivered. The order waits for the one that was added.
    env.deliver(&captured("unpaid")).await;
    env.deliver(&picked("unpaid", 2, 2)).await;
    env.deliver(&delivered("unpaid", 2, 2)).await;
    env.deliver(&reviewed("unpaid")).await;
    env.quiet().await;
    assert_eq!(status(&env, "unpaid").await.state, OrderState::Paid);
}

#[tokio::test]
async fn units_come_off_at_once_beside_what_cannot_be_followed() {
    let env = env().await;
    for (id, reason) in [("nameless", "sku-missing"), ("abroad", "order-changed")] {
        accepted(&env, id).await;
        let mut order = more(id, 10, true);
        order.lines.remove(1);
        order.total_minor -= 2345;
        order.tenders[1].amount_minor -= 2345;
        match id {
            "nameless" => order.lines[1].sku.clear(),
            _ => order.ship_to.as_mut().expect("one").country = "CA".into(),
        }
        env.deliver(&update(order)).await;
        let changed: OrderChanged = env.expect(id).await;
        let order = changed.order.expect("an order");
        assert_eq!((units(&order), order.total_minor), (vec![(1, 2), (2, 0)], 13_000));
        assert_eq!(order.ship_to.expect("one").country, "US");
        let case = env.expect_dead(id).await;
        assert_eq!((&*case.handler, &*case.reason), ("orders.update", reason));
        assert_eq!((env.count::<OrderExtended>(id).await, env.count::<OrderChanged>(id).await), (0, 1));
    }
}

#[tokio::test]
async fn an_order_that_is_edited_and_paid_in_one_save_is_accepted_with_its_newest_lines() {
    let env = env().await;
    let pending = |id: &str, second| Order {
        tenders: vec![Tender { provider: tender::MANUAL.into(), ..in_shop(13_000, TenderState::Pending) }],
        ..at(id, second, |_| ())
    };
    let paid =
        |id: &str| Order { tenders: vec![in_shop(16_000, TenderState::Captured)], ..more(id, 10, true) };
    for id in ["payment-first", "update-first", "overtaken"] {
        env.deliver(&OrderPlaced { order: Some(pending(id, 1)) }).await;
    }
    env.quiet().await;
    env.deliver(&reported(paid("payment-first"))).await;
    env.quiet().await;
    env.deliver(&update(paid("payment-first"))).await;
    env.deliver(&update(paid("update-first"))).await;
    env.quiet().await;
    env.deliver(&reported(paid("update-first"))).await;
    for id in ["payment-first", "update-first"] {
        let accepted = env.expect::<OrderAccepted>(id).await.order.expect("an order");
        assert_eq!((units(&accepted), accepted.total_minor), (vec![(1, 2), (2, 1), (3, 3)], 16_000), "{id}");
        assert_eq!(accepted.tenders, paid(id).tenders);
    }
    // A payment of contents that are no longer is not of those that are.
    let newest =
        Order { tenders: vec![in_shop(16_000, TenderState::Pending)], ..more("overtaken", 20, false) };
    env.deliver(&update(newest)).await;
    env.quiet().await;
    let former = Order { tenders: vec![in_shop(13_000, TenderState::Captured)], ..pending("overtaken", 10) };
    env.deliver(&reported(former)).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderAccepted>("overtaken").await, 0);
    assert_eq!(env.messages("evt.order.addition-reported").await.len(), 0);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn an_address_that_was_chosen_here_stays_while_the_payment_is_waited_for() {
    let env = env().await;
    let pending =
        |second| Order { tenders: vec![in_shop(13_000, TenderState::Pending)], ..at("o-1", second, |_| ()) };
    env.deliver(&OrderPlaced { order: Some(pending(1)) }).await;
    env.quiet().await;
    let mut chosen = order("o-1").ship_to.expect("one");
    chosen.street1 = "7 New Street".into();
    env.deliver(&despatch_contracts::order::OrderAddressChangeRequested {
        order_id: "o-1".into(),
        address: Some(chosen.clone()),
        requested_by: "operator".into(),
        by: "ann".into(),
    })
    .await;
    env.quiet().await;
    env.deliver(&update(Order { note: "ring twice".into(), ..pending(10) })).await;
    env.quiet().await;
    let paid = Order { tenders: vec![in_shop(13_000, TenderState::Captured)], ..pending(20) };
    env.deliver(&reported(paid)).await;
    let accepted = env.expect::<OrderAccepted>("o-1").await.order.expect("an order");
    assert_eq!(accepted.ship_to, Some(chosen.clone()));
    // And so it does afterwards.
    env.deliver(&update(at("o-1", 30, |order| drop(order.lines.pop())))).await;
    let changed: OrderChanged = env.expect("o-1").await;
    assert_eq!((changed.needs_labels, changed.order.expect("an order").ship_to), (false, Some(chosen)));
}

#[tokio::test]
async fn an_addition_that_is_taken_back_is_not_waited_for() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&update(more("o-1", 10, false))).await;
    env.expect_dead("o-1").await;
    env.deliver(&captured("o-1")).await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Paid);
    env.deliver(&update(at("o-1", 20, |_| ()))).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Picked);
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.deliver(&reviewed("o-1")).await;
    env.expect::<OrderCompleted>("o-1").await;
}

#[tokio::test]
async fn workers_learn_that_the_shop_captured_an_order_that_changed_before() {
    let env = env().await;
    let authorised = |second| Order {
        tenders: vec![in_shop(13_000, TenderState::Authorised)],
        ..at("o-1", second, |_| ())
    };
    env.deliver(&OrderPlaced { order: Some(authorised(1)) }).await;
    env.expect::<OrderAccepted>("o-1").await;
    let mut moved = authorised(10);
    moved.ship_to.as_mut().expect("one").street1 = "7 New Street".into();
    env.deliver(&update(moved.clone())).await;
    let first: OrderChanged = env.expect("o-1").await;
    env.quiet().await;
    let tenders = vec![in_shop(13_000, TenderState::Captured)];
    env.deliver(&reported(Order { tenders: tenders.clone(), ..moved })).await;
    env.quiet().await;
    let changes = env.messages("evt.order.changed").await;
    let last = OrderChanged::decode(changes.last().expect("a change").payload.clone()).expect("a change");
    assert!(last.change > first.change && !last.needs_labels, "{last:?}");
    assert_eq!(last.order.expect("an order").tenders, tenders);
}

#[tokio::test]
async fn an_order_that_the_shop_captures_with_other_contents_goes_on_with_these() {
    let env = env().await;
    let authorised =
        |id: &str| Order { tenders: vec![in_shop(13_000, TenderState::Authorised)], ..at(id, 1, |_| ()) };
    let less = |id: &str| Order {
        tenders: vec![in_shop(10_655, TenderState::Captured)],
        ..at(id, 10, |order| drop(order.lines.pop()))
    };
    let more =
        |id: &str| Order { tenders: vec![in_shop(16_000, TenderState::Captured)], ..more(id, 10, true) };
    for (id, newer) in [
        ("less, payment first", less as fn(&str) -> Order),
        ("less, update first", less),
        ("more, payment first", more),
        ("more, update first", more),
    ] {
        env.deliver(&OrderPlaced { order: Some(authorised(id)) }).await;
        env.expect::<OrderAccepted>(id).await;
        let newer = newer(id);
        if id.ends_with("payment first") {
            env.deliver(&reported(newer.clone())).await;
            env.deliver(&update(newer.clone())).await;
        } else {
            env.deliver(&update(newer.clone())).await;
            env.quiet().await;
            env.deliver(&reported(newer.clone())).await;
        }
        env.quiet().await;
        let mut accepted = Vec::new();
        for message in env.messages("evt.order.accepted").await {
            let event =
                <OrderAccepted as despatch_contracts::Incoming>::decode("order.accepted", message.payload);
            accepted.extend(event.expect("the event").order.filter(|order| order.order_id == id));
        }
        let newest =
            accepted.iter().find(|order| order.total_minor == newer.total_minor).expect("it goes on");
        assert_eq!(newest.tenders, newer.tenders, "{id}");
        assert_eq!(env.count::<OrderAccepted>(id).await, 2, "{id}");
    }
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn an_addition_that_comes_too_late_is_a_case_or_nothing() {
    let env = env().await;
    for id in ["left", "cancelled"] {
        accepted(&env, id).await;
    }
    env.deliver(&crate::fixture::despatched("left", 1, 2)).await;
    env.deliver(&cancel("cancelled")).await;
    env.quiet().await;
    for id in ["left", "cancelled"] {
        env.deliver(&AdditionReported { order: Some(more(id, 10, true)) }).await;
    }
    let case = env.expect_dead("left").await;
    assert!(case.failures[0].error.contains("a parcel has left"), "{:?}", case.failures);
    env.quiet().await;
    assert_eq!(env.messages("dead.>").await.len(), 1);
    assert_eq!(env.messages("evt.order.extended").await.len(), 0);
}
