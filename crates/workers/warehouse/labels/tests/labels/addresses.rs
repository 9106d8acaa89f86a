//! An address that changes before, while and after a parcel gets its label.

use despatch_contracts::label::{LabelCreated, LabelOutdated};
use despatch_contracts::order::{Address, OrderAddressChanged, ServiceLevel};
use despatch_read_model::labels::{LabelFormat, document};
use despatch_sandbox::{Fault, Operation, Target};
use despatch_testkit::{TestEnv, eventually, order};
use prost::Message as _;

use crate::{at_level, env, picked, sandbox};

/// The order's address, in another street.
fn moved_to(street: &str) -> Address {
    Address { street1: street.into(), ..order("any").ship_to.expect("an address") }
}

fn changed(order_id: &str, change: u32, street: &str) -> OrderAddressChanged {
    OrderAddressChanged {
        order_id: order_id.into(),
        address: Some(moved_to(street)),
        former: order("any").ship_to,
        change,
    }
}

async fn zpl(env: &TestEnv, label: &LabelCreated) -> String {
    let zpl =
        document(&env.db().await, &label.label_id, LabelFormat::Zpl).await.expect("the tables are there");
    String::from_utf8(zpl.expect("a label of our own has both forms")).expect("text")
}

#[tokio::test]
async fn a_label_says_the_newest_address_whichever_change_comes_last() {
    let env = env(None).await;
    env.deliver(&changed("moved", 9, "9 Newest Street")).await;
    env.quiet().await;
    env.deliver(&changed("moved", 4, "4 Older Street")).await;
    env.quiet().await;
    // The event carries the address that the order had when it was accepted.
    env.deliver(&picked(at_level("moved", ServiceLevel::SecondClass), 1, 1)).await;
    let label: LabelCreated = env.expect("moved").await;
    let zpl = zpl(&env, &label).await;
    assert!(zpl.contains("9 Newest Street"), "{zpl}");
    env.quiet().await;
    assert_eq!(env.count::<LabelOutdated>("moved").await, 0);
}

#[tokio::test]
async fn a_label_that_was_made_before_is_a_case_with_both_addresses_and_the_next_parcel_is_right() {
    let env = env(None).await;
    let order = at_level("late", ServiceLevel::SecondClass);
    env.deliver(&picked(order.clone(), 1, 2)).await;
    env.expect::<LabelCreated>("late").await;
    env.deliver(&changed("late", 5, "5 Other Street")).await;
    let dead = env.expect_dead("late").await;
    assert_eq!(
        (dead.handler.as_str(), dead.reason.as_str()),
        ("labels.flag-outdated", "address-changed-late")
    );
    let event = dead.event.expect("the case has its event");
    let outdated = LabelOutdated::decode(event.payload).expect("the event");
    assert_eq!(
        (outdated.parcel, outdated.former, outdated.address),
        (1, order.ship_to.clone(), Some(moved_to("5 Other Street")))
    );

    env.deliver(&picked(order, 2, 2)).await;
    env.quiet().await;
    let second = LabelCreated { label_id: "late-2".into(), ..LabelCreated::default() };
    assert!(zpl(&env, &second).await.contains("5 Other Street"));
    assert_eq!(env.count::<LabelOutdated>("late").await, 1, "only the first parcel's");
}

#[tokio::test]
async fn an_address_that_changes_while_the_carrier_is_asked_is_a_case() {
    let shippo = sandbox().await;
    shippo.fault_next(Target {
        operation: Operation::Label,
        order: "race".into(),
        fault: Fault::Slow,
        times: 1,
    });
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(order("race"), 1, 1)).await;
    purchase_begun(&env, "race").await;
    env.deliver(&changed("race", 3, "3 Other Street")).await;
    assert_eq!(env.expect_dead("race").await.reason, "address-changed-late");
    env.quiet().await;
    assert_eq!((env.count::<LabelCreated>("race").await, shippo.counts().labels), (1, 1));
}

#[tokio::test]
async fn a_purchase_that_was_begun_for_the_former_address_is_a_case() {
    let shippo = sandbox().await;
    let lost =
        Target { operation: Operation::Label, order: "begun".into(), fault: Fault::ServerError, times: 1 };
    shippo.fault_next(lost);
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(order("begun"), 1, 1)).await;
    purchase_begun(&env, "begun").await;
    // The label is bought by a later try, at the rate of the former address.
    env.deliver(&changed("begun", 3, "3 Other Street")).await;
    assert_eq!(env.expect_dead("begun").await.reason, "address-changed-late");
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("begun").await, 1);
}

async fn purchase_begun(env: &TestEnv, order_id: &str) {
    let db = env.db().await;
    let subject = format!("order/{order_id}");
    let sql = "select 1 from labels.effect where subject = $1";
    eventually("the purchase", async || db.query_opt(sql, &[&subject]).await.ok()?.map(drop)).await;
}
