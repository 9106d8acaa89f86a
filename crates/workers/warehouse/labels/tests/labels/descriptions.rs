//! Labels by what inventory says of articles and locations: weights, cartons, senders.

use std::time::Duration;

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::{Address, ServiceLevel};
use despatch_contracts::shipment::ReadyForPickup;
use despatch_contracts::stock::{DescribedItem, ItemsDescribed, LocationDescribed, StockPicked};
use despatch_labels::Config;
use despatch_read_model::labels::{LabelFormat, Packed, document, labels_of};
use despatch_routing::Carton;
use despatch_runtime::Process;
use despatch_sandbox::{Fault, Operation, Target};
use despatch_testkit::{TestEnv, eventually, order};

use crate::{at_level, config, env, picked, sandbox};

/// An article of this weight, with sides in millimetres.
fn item(sku: &str, change: i64, grams: i64, sides: Option<[i64; 3]>) -> DescribedItem {
    let [length_mm, width_mm, height_mm] = sides.map_or([None; 3], |sides| sides.map(Some));
    let sku = sku.to_owned();
    DescribedItem { sku, change, grams: Some(grams), length_mm, width_mm, height_mm, own_box: false }
}

/// Describes articles, and waits until the worker knows it.
async fn describe(env: &TestEnv, request_id: &str, items: Vec<DescribedItem>) {
    env.deliver(&ItemsDescribed { request_id: request_id.to_owned(), items }).await;
    env.quiet().await;
}

fn quay(change: i64, street1: &str) -> LocationDescribed {
    let address = Address {
        street1: street1.into(),
        city: "Hamburg".into(),
        postcode: "20457".into(),
        country: "DE".into(),
        ..Address::default()
    };
    LocationDescribed { location: "east".into(), change, address: Some(address) }
}

/// The weight and the sides of the order's only label.
async fn packed(env: &TestEnv, order_id: &str) -> Packed {
    let labels = labels_of(&env.db().await, order_id).await.expect("the table");
    assert_eq!(labels.len(), 1, "{order_id}");
    labels[0].packed.clone()
}

/// A parcel of so many units of each SKU.
fn of_units(order_id: &str, units: &[(&str, i64)]) -> StockPicked {
    let mut picked = picked(order(order_id), 1, 1);
    let parcel = picked.parcel.as_mut().expect("a parcel");
    let one = parcel.contents.remove(0);
    for (line, (sku, quantity)) in (1..).zip(units) {
        let sku = (*sku).to_owned();
        parcel.contents.push(despatch_contracts::stock::Allocation {
            sku,
            quantity: *quantity,
            line,
            ..one.clone()
        });
    }
    picked
}

fn usual(grams: i64, assumed_weights: &[&str], unknown_sides: &[&str]) -> Packed {
    let names = |skus: &[&str]| skus.iter().map(|&sku| sku.to_owned()).collect();
    Packed {
        grams,
        length_mm: 300,
        width_mm: 200,
        height_mm: 100,
        assumed_weights: names(assumed_weights),
        unknown_sides: names(unknown_sides),
    }
}

#[tokio::test]
async fn a_parcel_weighs_what_its_articles_weigh_and_names_what_was_assumed() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&of_units("before", &[("LAMP", 2), ("BOOK", 1)])).await;
    env.expect::<LabelCreated>("before").await;
    assert_eq!(packed(&env, "before").await, usual(100 + 3 * 250, &["BOOK", "LAMP"], &["BOOK", "LAMP"]));

    describe(&env, "i-1", vec![item("LAMP", 1, 900, Some([150, 150, 60]))]).await;
    env.deliver(&of_units("after", &[("LAMP", 2), ("BOOK", 1)])).await;
    env.expect::<LabelCreated>("after").await;
    assert_eq!(packed(&env, "after").await, usual(100 + 2 * 900 + 250, &["BOOK"], &["BOOK"]));
    let costs = "select cost_minor from labels.label order by order_id = 'after'";
    let costs = env.db().await.query(costs, &[]).await.expect("costs");
    assert!(costs[0].get::<_, i64>(0) < costs[1].get(0), "the carrier was told of the weight");
    // The label that was made stays as it was.
    assert_eq!(packed(&env, "before").await.grams, 850);
}

#[tokio::test]
async fn the_latest_description_counts_whichever_comes_last() {
    let env = env(None).await;
    describe(&env, "i-3", vec![item("A", 3, 3000, None), item("B", 1, 10, None)]).await;
    describe(&env, "i-2", vec![item("A", 2, 2000, None), item("B", 2, 20, None)]).await;
    for change in [2, 1] {
        env.deliver(&quay(change, &format!("Kai {change}"))).await;
        env.quiet().await;
    }
    let mut order = at_level("latest", ServiceLevel::SecondClass);
    let mut picked = of_units("latest", &[("A", 1), ("B", 1)]);
    std::mem::swap(picked.order.as_mut().expect("an order"), &mut order);
    env.deliver(&picked).await;
    let label: LabelCreated = env.expect("latest").await;
    assert_eq!(packed(&env, "latest").await, usual(100 + 3020, &[], &["A", "B"]));
    let zpl =
        document(&env.db().await, &label.label_id, LabelFormat::Zpl).await.unwrap().expect("both forms");
    let zpl = String::from_utf8(zpl).unwrap();
    assert!(zpl.contains("Kai 2") && zpl.contains("Hamburg") && !zpl.contains("Quay Street"), "{zpl}");
    assert!(zpl.contains("Despatch Ltd"), "the shop's name, because the location has none: {zpl}");
}

#[tokio::test]
async fn a_location_without_a_street_sends_from_the_configured_address() {
    let env = env(None).await;
    env.deliver(&quay(1, "")).await;
    env.quiet().await;
    env.deliver(&picked(at_level("streetless", ServiceLevel::SecondClass), 1, 1)).await;
    let label: LabelCreated = env.expect("streetless").await;
    let zpl =
        document(&env.db().await, &label.label_id, LabelFormat::Zpl).await.unwrap().expect("both forms");
    let zpl = String::from_utf8(zpl).unwrap();
    assert!(zpl.contains("4 Quay Street") && !zpl.contains("Hamburg"), "{zpl}");
    env.deliver(&quay(2, "Kai 1")).await;
    env.quiet().await;
    let mut collected = picked(order("collected"), 1, 1);
    collected.parcel.as_mut().expect("a parcel").is_collected = true;
    env.deliver(&collected).await;
    let ready: ReadyForPickup = env.expect("collected").await;
    let place = ready.place.expect("the location's address");
    assert_eq!((place.name.as_str(), place.street1.as_str()), ("Despatch Ltd", "Kai 1"));
}

#[tokio::test]
async fn a_parcel_that_fits_nowhere_is_a_case_until_a_carton_or_the_article_is_corrected() {
    let shippo = sandbox().await;
    let mut config = config(Some(&shippo));
    config.cartons = vec![Carton { length_cm: 60, width_cm: 40, height_cm: 40, packaging_grams: 600 }];
    let env = TestEnv::new().await;
    env.run(despatch_labels::worker(&config).expect("a sound configuration")).await;
    let bicycle = item("BIKE", 1, 15_000, Some([800, 1500, 250]));
    describe(&env, "i-1", vec![item("LAMP", 1, 900, Some([400, 300, 200])), bicycle.clone()]).await;
    env.deliver(&of_units("large", &[("LAMP", 2)])).await;
    env.expect::<LabelCreated>("large").await;
    let large = packed(&env, "large").await;
    assert_eq!((large.grams, [large.length_mm, large.width_mm, large.height_mm]), (2400, [600, 400, 400]));

    env.deliver(&of_units("bike", &[("BIKE", 1)])).await;
    let dead = env.expect_dead("bike").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("labels.create", "parcel-too-large"));
    assert!(dead.failures[0].error.contains("1500 × 800 × 250 mm"), "{dead:?}");
    assert!(shippo.order_counts("bike").expect("counts").labels.is_empty());
    describe(&env, "i-2", vec![DescribedItem { change: 2, own_box: true, ..bicycle }]).await;
    env.deliver(&of_units("bike", &[("BIKE", 1)])).await;
    env.expect::<LabelCreated>("bike").await;
    let bike = packed(&env, "bike").await;
    assert_eq!((bike.grams, [bike.length_mm, bike.width_mm, bike.height_mm]), (15_000, [1500, 800, 250]));
}

#[tokio::test]
async fn a_parcel_that_is_too_heavy_for_every_carrier_is_a_case_that_says_so() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    describe(&env, "i-1", vec![item("ANVIL", 1, 75_000, None)]).await;
    env.deliver(&of_units("heavy", &[("ANVIL", 1)])).await;
    let dead = env.expect_dead("heavy").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("labels.create", "carrier-rejected"));
    let error = &dead.failures[0].error;
    assert!(error.contains("75100 g, 300 × 200 × 100 mm") && error.contains("at most 68038 g"), "{error}");
    env.quiet().await;
    assert_eq!(shippo.counts().labels, 0);
}

/// Runs the worker until its first try to label a lamp fails, and then with another weight. Returns the environment after the
/// label was made.
async fn described_between_two_tries(order_id: &str, fault: Fault) -> (TestEnv, despatch_sandbox::Sandbox) {
    let shippo = sandbox().await;
    let operation = Operation::Label;
    shippo.fault_next(Target { operation, order: order_id.into(), fault, times: 1 });
    let mut config: Config = config(Some(&shippo));
    config.shippo.settle_seconds = 3600;
    let env = TestEnv::new().await;
    let worker = |config: &Config| despatch_labels::worker(config).expect("a sound configuration");
    let before = Process::start(env.settings().clone(), vec![worker(&config)]).await.expect("URLs are valid");
    before.health().until_ready().await;
    describe(&env, "i-1", vec![item("LAMP", 1, 900, None)]).await;
    env.deliver(&of_units(order_id, &[("LAMP", 1)])).await;
    let db = env.db().await;
    eventually("the first try's failure", async || {
        db.query_opt("select 1 from labels.journal where state = 'waiting'", &[]).await.ok()?.map(drop)
    })
    .await;
    env.deliver(&ItemsDescribed { request_id: "i-2".into(), items: vec![item("LAMP", 2, 5000, None)] }).await;
    eventually("the second description", async || {
        db.query_opt("select 1 from labels.item where change = 2", &[]).await.ok()?.map(drop)
    })
    .await;
    before.drain().await;
    config.shippo.settle_seconds = 1;
    env.run(worker(&config)).await;
    env.advance(Duration::from_secs(3700)).await;
    env.expect::<LabelCreated>(order_id).await;
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>(order_id).await, 1);
    assert_eq!(shippo.counts().labels, 1);
    (env, shippo)
}

#[tokio::test]
async fn a_label_that_an_earlier_try_bought_keeps_the_weight_that_it_was_bought_for() {
    let (env, _shippo) = described_between_two_tries("lost", Fault::Timeout).await;
    assert_eq!(packed(&env, "lost").await.grams, 1000);
    let labels = labels_of(&env.db().await, "lost").await.expect("the table");
    assert_eq!(labels[0].reason, "label-found");
}

#[tokio::test]
async fn a_purchase_that_is_ended_later_keeps_the_weight_of_its_rate() {
    let (env, _shippo) = described_between_two_tries("failed", Fault::ServerError).await;
    assert_eq!(packed(&env, "failed").await.grams, 1000);
}

#[tokio::test]
async fn a_refused_purchase_is_made_again_with_what_is_known_by_then() {
    let shippo = sandbox().await;
    let target = |fault| Target { operation: Operation::Label, order: "stale".into(), fault, times: 1 };
    shippo.fault_next(target(Fault::Decline));
    let env = env(Some(&shippo)).await;
    describe(&env, "i-1", vec![item("LAMP", 1, 900, None)]).await;
    env.deliver(&of_units("stale", &[("LAMP", 1)])).await;
    let dead = env.expect_dead("stale").await;
    assert_eq!(dead.reason, "carrier-rejected");
    assert!(
        dead.failures[0].error.ends_with("for 1000 g, 300 × 200 × 100 mm; room of LAMP assumed"),
        "{dead:?}"
    );
    describe(&env, "i-2", vec![item("LAMP", 2, 1400, None)]).await;
    env.deliver(&of_units("stale", &[("LAMP", 1)])).await;
    env.expect::<LabelCreated>("stale").await;
    assert_eq!(packed(&env, "stale").await, usual(1500, &[], &["LAMP"]));
}
