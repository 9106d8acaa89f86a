//! Changes of the address: when they are allowed, and what the order then says.

use despatch_contracts::order::{Address, Order, OrderAccepted, OrderAddressChangeRequested, OrderChanged};
use despatch_read_model::orders::accepted as kept;
use despatch_status::OrderState;
use despatch_testkit::order;

use crate::fixture::{accepted, cancel, despatched, env, labelled, picked, recorded, timeline};

fn moved() -> Address {
    Address {
        street1: "9 Other Street".into(),
        postcode: "40203".into(),
        ..order("any").ship_to.expect("one")
    }
}

fn change(id: &str, address: Address) -> OrderAddressChangeRequested {
    OrderAddressChangeRequested {
        order_id: id.into(),
        address: Some(address),
        requested_by: "customer".into(),
        by: String::new(),
    }
}

#[tokio::test]
async fn until_a_parcel_leaves_the_address_changes_and_is_told() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.deliver(&labelled("o-1", 1, 1)).await;
    env.quiet().await;
    env.deliver(&change("o-1", moved())).await;
    let changed: OrderChanged = env.expect("o-1").await;
    let there = Order { ship_to: Some(moved()), ..order("o-1") };
    assert_eq!(
        (changed.order, changed.needs_labels, &*changed.requested_by),
        (Some(there), true, "customer")
    );
    env.quiet().await;
    assert_eq!(env.count::<OrderChanged>("o-1").await, 1);
    let kept = kept(&env.db().await, "o-1").await.expect("a table").expect("an order");
    assert_eq!(kept.ship_to, Some(moved()));
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((last.reason.as_str(), last.to), ("step-done", OrderState::Labelled));
    assert_eq!(last.detail, "asked for by customer: another street1, postcode", "and no address");

    // A later change has a higher number; the same address again is none.
    env.deliver(&change("o-1", moved())).await;
    env.quiet().await;
    env.deliver(&change("o-1", Address { name: "A. Other".into(), ..moved() })).await;
    env.quiet().await;
    let sent = env.messages("evt.order.changed").await;
    let numbers = sent.iter().map(|it| {
        <OrderChanged as despatch_contracts::Incoming>::decode("order.changed", it.payload.clone())
            .expect("the event")
            .change
    });
    let numbers: Vec<u32> = numbers.collect();
    assert!(numbers.iter().all(|number| *number >= changed.change), "{numbers:?}");
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_told() {
    let env = env().await;
    for id in ["abroad", "nowhere", "left", "cancelled"] {
        accepted(&env, id).await;
    }
    env.deliver(&despatched("left", 1, 2)).await;
    env.deliver(&cancel("cancelled")).await;
    env.quiet().await;
    for (id, address, words) in [
        ("abroad", Address { country: "CA".into(), ..moved() }, "the new address is in another country"),
        (
            "nowhere",
            Address { city: " ".into(), ..moved() },
            "the new address has no street, city or country",
        ),
        ("left", moved(), "a parcel has left, or the order is at its end"),
        ("cancelled", moved(), "a parcel has left, or the order is at its end"),
    ] {
        env.deliver(&change(id, address)).await;
        env.quiet().await;
        assert_eq!(env.count::<OrderChanged>(id).await, 0, "{id}");
        let (event, _, reason) = recorded(&env, id).await.pop().expect("an entry");
        assert_eq!((event.as_str(), reason.as_str()), ("order.address-change-requested", "command-refused"));
        let last = timeline(&env, id).await.pop().expect("an entry");
        assert_eq!(last.detail, format!("asked for by customer: {words}"));
        let kept = kept(&env.db().await, id).await.expect("a table").expect("an order");
        assert_eq!(kept.ship_to, order(id).ship_to, "{id}");
    }
}

#[tokio::test]
async fn a_change_that_overtakes_its_order_waits_for_it() {
    let env = env().await;
    env.deliver(&change("early", moved())).await;
    accepted(&env, "early").await;
    env.expect::<OrderChanged>("early").await;
    env.quiet().await;
    assert_eq!(env.count::<OrderAccepted>("early").await, 1);
}
