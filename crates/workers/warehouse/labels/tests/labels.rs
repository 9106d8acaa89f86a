//! The labels worker through the runtime, against real NATS, PostgreSQL and a stand-in for Shippo. Every event is
//! delivered twice.

#[path = "labels/changes.rs"]
mod changes;
#[path = "labels/descriptions.rs"]
mod descriptions;
#[path = "labels/pruning.rs"]
mod pruning;
#[path = "labels/voids.rs"]
mod voids;

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::{Order, ServiceLevel};
use despatch_contracts::runtime::Failures;
use despatch_contracts::shipment::ReadyForPickup;
use despatch_contracts::stock::{Allocation, Parcel, StockPicked};
use despatch_labels::{Config, Sender, ShippoConfig, UsualCarton};
use despatch_read_model::labels::{LabelFormat, document, labels_of, parcel_by_tracking};
use despatch_routing::{Carrier, CarrierRule, Level};
use despatch_runtime::{Database, Process, QueryBatcher};
use despatch_sandbox::{Fault, Faults, Operation, Options, Rates, Sandbox, Target};
use despatch_testkit::{TestEnv, eventually, order};
use prost::Message as _;

fn config(shippo: Option<&Sandbox>) -> Config {
    let rule = |levels: &[Level], carrier, services: &[&str], within_days| CarrierRule {
        service_levels: levels.to_vec(),
        countries: vec![],
        carrier,
        services: services.iter().map(|&service| service.to_owned()).collect(),
        within_days,
    };
    let bought = [
        rule(&[Level::Standard], Carrier::Shippo, &[], 5),
        rule(&[Level::FirstClass], Carrier::Shippo, &[], 1),
    ];
    let mut printed = rule(&[Level::SecondClass], Carrier::Own, &["Second class"], 0);
    printed.countries = vec!["US".into(), "JP".into()];
    let mut rules = vec![printed];
    rules.extend(bought.into_iter().filter(|_| shippo.is_some()));
    Config {
        sender: Sender {
            name: "Despatch Ltd".into(),
            street1: "4 Quay Street".into(),
            street2: String::new(),
            city: "Louisville".into(),
            region: "KY".into(),
            postcode: "40202".into(),
            country: "US".into(),
            phone: String::new(),
        },
        parcel: UsualCarton {
            length_cm: 30,
            width_cm: 20,
            height_cm: 10,
            packaging_grams: 100,
            unit_grams: 250,
        },
        cartons: vec![],
        rules,
        shippo: ShippoConfig {
            base_url: shippo.map(Sandbox::shippo_url).unwrap_or_default(),
            token: shippo.map(|_| "shippo_test_token".to_owned()).unwrap_or_default(),
            timeout_seconds: 5,
            settle_seconds: 2,
        },
    }
}

fn picked(order: Order, number: u32, of: u32) -> StockPicked {
    let contents = vec![Allocation { location: "east".into(), sku: "SKU-A".into(), quantity: 2, line: 1 }];
    StockPicked {
        order: Some(order),
        parcel: Some(Parcel {
            number,
            position: number,
            of,
            location: "east".into(),
            contents,
            ..Parcel::default()
        }),
    }
}

fn at_level(order_id: &str, level: ServiceLevel) -> Order {
    Order { service_level: level.into(), ..order(order_id) }
}

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.expect("free ports")
}

/// An environment with the worker running against this Shippo.
async fn env(shippo: Option<&Sandbox>) -> TestEnv {
    let env = TestEnv::new().await;
    env.run(despatch_labels::worker(&config(shippo)).expect("a sound configuration")).await;
    env
}

#[tokio::test]
async fn a_label_of_our_own_is_printed_kept_and_reported() {
    let env = env(None).await;
    let mut order = at_level("printed", ServiceLevel::SecondClass);
    order.ship_to.as_mut().expect("an address").name = "田中太郎".into();
    env.deliver(&picked(order, 1, 1)).await;
    let label: LabelCreated = env.expect("printed").await;
    assert_eq!((label.carrier.as_str(), label.service.as_str()), ("own", "Second class"));
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("printed").await, 1);

    let db = env.db().await;
    let pdf = document(&db, &label.label_id, LabelFormat::Pdf).await.unwrap().expect("the label is kept");
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() < 10_000);
    let zpl = document(&db, &label.label_id, LabelFormat::Zpl).await.unwrap();
    let zpl = String::from_utf8(zpl.expect("a label of our own has both forms")).unwrap();
    // In the letters that every printer has.
    assert!(zpl.contains("TianZhongTaiLang") && zpl.contains(&label.tracking_number[2..]), "{zpl}");
    let scanned = QueryBatcher::start(Database::new(&env.settings().database_url, 1).expect("a URL"));
    let found = parcel_by_tracking(&scanned, &label.carrier, &label.tracking_number).await.unwrap();
    assert_eq!(
        found.map(|found| (found.order_id, found.parcel, found.parcels)),
        Some(("printed".into(), 1, 1))
    );
    assert_eq!(parcel_by_tracking(&scanned, "usps", &label.tracking_number).await.unwrap(), None);
    let labels = labels_of(&db, "printed").await.unwrap();
    assert_eq!(labels.len(), 1);
    assert_eq!((labels[0].reason.as_str(), &labels[0].label_id), ("service-by-rule", &label.label_id));
    assert_eq!(document(&db, "no-such-label", LabelFormat::Pdf).await.unwrap(), None);
}

#[tokio::test]
async fn a_parcel_that_the_customer_collects_is_ready_at_once_and_has_no_label() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    let mut order = at_level("collected", ServiceLevel::Standard);
    order.ship_to = None;
    let mut picked = picked(order, 1, 2);
    picked.parcel.as_mut().expect("a parcel").is_collected = true;
    env.deliver(&picked).await;
    let ready: ReadyForPickup = env.expect("collected").await;
    assert_eq!((ready.parcel, ready.parcels, ready.location.as_str()), (1, 2, "east"));
    assert_eq!(ready.place.expect("the sender's address").street1, "4 Quay Street");
    env.quiet().await;
    assert_eq!(env.count::<ReadyForPickup>("collected").await, 1);
    assert_eq!(env.count::<LabelCreated>("collected").await, 0);
    assert!(shippo.order_counts("collected").expect("counts").labels.is_empty());
}

#[tokio::test]
async fn every_parcel_gets_the_cheapest_label_that_is_fast_enough() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    for parcel in [1, 2] {
        env.deliver(&picked(at_level("std", ServiceLevel::Standard), parcel, 2)).await;
    }
    env.deliver(&picked(at_level("fast", ServiceLevel::FirstClass), 1, 1)).await;
    let fast: LabelCreated = env.expect("fast").await;
    assert_eq!((fast.carrier.as_str(), fast.service.as_str()), ("usps", "usps_priority_express"));
    env.quiet().await;

    let db = env.db().await;
    let labels = labels_of(&db, "std").await.unwrap();
    assert_eq!(
        labels.iter().map(|label| (label.parcel, label.parcels)).collect::<Vec<_>>(),
        [(1, 2), (2, 2)]
    );
    for label in &labels {
        assert_eq!(
            (label.service.as_str(), label.reason.as_str()),
            ("usps_ground_advantage", "service-cheapest")
        );
        let pdf = document(&db, &label.label_id, LabelFormat::Pdf).await.unwrap().expect("the label is kept");
        assert!(pdf.starts_with(b"%PDF-"));
    }
    let counts = shippo.order_counts("std").unwrap();
    assert_eq!(counts.labels.values().map(|label| label.bought).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(shippo.counts().labels, 3);
}

/// The parcel has one label in the end, even if one request fails.
async fn one_label_in_spite_of(operation: Operation, fault: Fault, reason: &str) {
    let shippo = sandbox().await;
    shippo.fault_next(Target { operation, order: "bad-luck".into(), fault, times: 1 });
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(order("bad-luck"), 1, 1)).await;
    let label: LabelCreated = env.expect("bad-luck").await;
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("bad-luck").await, 1);
    let counts = shippo.order_counts("bad-luck").expect("the provider's counts");
    assert_eq!(
        counts.labels.values().map(|label| label.bought).collect::<Vec<_>>(),
        [1],
        "{operation:?} {fault:?}"
    );
    let labels = labels_of(&env.db().await, "bad-luck").await.expect("readable");
    assert_eq!(labels.len(), 1);
    assert_eq!(labels[0].tracking_number, label.tracking_number);
    assert_eq!(labels[0].reason, reason, "{operation:?} {fault:?}");
}

#[tokio::test]
async fn a_label_whose_answer_was_lost_is_found_and_not_bought_again() {
    one_label_in_spite_of(Operation::Label, Fault::Timeout, "label-found").await;
}

#[tokio::test]
async fn a_second_try_waits_until_the_first_cannot_take_effect_any_more() {
    let shippo = sandbox().await;
    let target = |fault| Target { operation: Operation::Label, order: "late".into(), fault, times: 1 };
    shippo.fault_next(target(Fault::Timeout));
    let mut config = config(Some(&shippo));
    config.shippo.settle_seconds = 3600;
    let env = TestEnv::new().await;
    env.run(despatch_labels::worker(&config).expect("a sound configuration")).await;
    env.deliver(&picked(order("late"), 1, 1)).await;
    let db = env.db().await;
    eventually("the deferral of the second try", async || {
        let row =
            db.query_opt("select failures from labels.journal where state = 'waiting'", &[]).await.ok()??;
        let failures = Failures::decode(row.get::<_, &[u8]>(0)).expect("failures").failures;
        failures.last().is_some_and(|last| last.verdict == "defer").then_some(())
    })
    .await;
    assert_eq!(env.count::<LabelCreated>("late").await, 0);
    assert_eq!(shippo.counts().labels, 1, "bought once, and not again before it was looked for");
}

#[tokio::test]
async fn a_purchase_that_was_begun_is_ended_though_the_rules_have_changed() {
    let shippo = sandbox().await;
    let target =
        Target { operation: Operation::Label, order: "moved".into(), fault: Fault::Timeout, times: 1 };
    shippo.fault_next(target);
    let mut config = config(Some(&shippo));
    config.shippo.settle_seconds = 3600;
    let env = TestEnv::new().await;
    let worker = |config: &Config| despatch_labels::worker(config).expect("a sound configuration");
    let before = Process::start(env.settings().clone(), vec![worker(&config)]).await.expect("URLs are valid");
    before.health().until_ready().await;
    env.deliver(&picked(order("moved"), 1, 1)).await;
    let db = env.db().await;
    eventually("the first try's failure", async || {
        db.query_opt("select 1 from labels.journal where state = 'waiting'", &[]).await.ok()?.map(drop)
    })
    .await;
    before.drain().await;

    config.shippo.settle_seconds = 1;
    for rule in &mut config.rules {
        (rule.carrier, rule.services, rule.within_days) = (Carrier::Own, vec!["Courier".into()], 0);
    }
    env.run(worker(&config)).await;
    let label: LabelCreated = env.expect("moved").await;
    assert_eq!(label.carrier, "usps", "the label that is paid for");
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("moved").await, 1);
}

#[tokio::test]
async fn a_purchase_that_failed_is_made_again() {
    one_label_in_spite_of(Operation::Label, Fault::ServerError, "service-cheapest").await;
}

#[tokio::test]
async fn an_offer_that_has_gone_stale_is_replaced_by_a_fresh_one() {
    let shippo = sandbox().await;
    for fault in [Fault::ServerError, Fault::Decline] {
        shippo.fault_next(Target { operation: Operation::Label, order: "stale".into(), fault, times: 1 });
    }
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(order("stale"), 1, 1)).await;
    env.expect::<LabelCreated>("stale").await;
    env.quiet().await;
    assert_eq!(shippo.counts().labels, 1);
    let notes =
        "select count(distinct note), count(closed_at) from labels.effect where subject = 'order/stale'";
    let row = env.db().await.query_one(notes, &[]).await.expect("the ledger");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 2), "two rates, the first asked for twice");
}

#[tokio::test]
async fn a_busy_provider_is_given_time() {
    one_label_in_spite_of(Operation::Shipment, Fault::RateLimited, "service-cheapest").await;
}

#[tokio::test]
async fn a_load_gets_one_label_each_however_badly_the_carrier_behaves() {
    const PARCELS: u64 = 16;
    let flaky = Rates { rate_limited: 0.05, server_error: 0.05, ..Rates::default() };
    let losing = Rates { timeout: 0.25, ..flaky };
    let rates = [(Operation::Shipment, flaky), (Operation::Label, losing), (Operation::FindLabel, flaky)];
    let faults = Faults { seed: 11, rates: rates.into(), ..Faults::none() };
    let shippo = Sandbox::start(Options { faults, ..Options::default() }).await.expect("free ports");
    let env = env(Some(&shippo)).await;
    for n in 0..PARCELS {
        env.deliver(&picked(order(&format!("load-{n}")), 1, 1)).await;
    }
    let db = env.db().await;
    let sql = "select count(*) from labels.label where order_id like 'load-%'";
    eventually("every label", async || {
        let labels: i64 = db.query_one(sql, &[]).await.ok()?.get(0);
        (labels == i64::try_from(PARCELS).ok()?).then_some(())
    })
    .await;
    env.quiet().await;
    let counts = shippo.counts();
    assert_eq!((counts.labels, counts.double_labels), (PARCELS, vec![]));
    let found = "select count(*) from labels.label where reason = 'label-found'";
    let found: i64 = db.query_one(found, &[]).await.expect("a count").get(0);
    assert!(found > 0, "the seed loses some answers");
}

#[tokio::test]
async fn a_parcel_picked_twice_over_keeps_its_label() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(order("twice"), 1, 1)).await;
    env.expect::<LabelCreated>("twice").await;
    env.quiet().await;
    // Another event with an id of its own, about the same parcel.
    env.deliver(&picked(order("twice"), 1, 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("twice").await, 1);
    assert_eq!(shippo.counts().labels, 1);
}

#[tokio::test]
async fn those_who_end_an_earlier_try_together_buy_one_label() {
    let shippo = sandbox().await;
    let target = |fault, times| Target { operation: Operation::Label, order: "race".into(), fault, times };
    shippo.fault_next(target(Fault::ServerError, 1));
    // A purchase takes longer than the others need to look for it.
    shippo.fault_next(target(Fault::Slow, 8));
    let env = env(Some(&shippo)).await;
    // Events with ids of their own: the runtime does not keep them apart, just as it does not keep replicas apart.
    for _ in 0..4 {
        env.deliver(&picked(order("race"), 1, 1)).await;
    }
    env.expect::<LabelCreated>("race").await;
    env.quiet().await;
    assert_eq!(shippo.counts().labels, 1);
    assert_eq!(env.count::<LabelCreated>("race").await, 1);
}

#[tokio::test]
async fn what_no_carrier_takes_is_a_case_with_its_reason() {
    let shippo = sandbox().await;
    shippo.fault_next(Target {
        operation: Operation::Label,
        order: "refused".into(),
        fault: Fault::Decline,
        times: 1,
    });
    let env = env(Some(&shippo)).await;
    let mut undeliverable = order("nowhere");
    undeliverable.ship_to.as_mut().expect("an address").postcode = "00000".into();
    let mut streetless = order("streetless");
    streetless.ship_to.as_mut().expect("an address").street1 = String::new();
    let cases = [
        (undeliverable, "address-undeliverable"),
        (streetless, "address-undeliverable"),
        (order("refused"), "carrier-rejected"),
        (at_level("too-fast", ServiceLevel::SameDay), "service-unavailable"),
        (Order { ship_to: None, ..order("homeless") }, "address-missing"),
    ];
    for (order, _) in &cases {
        env.deliver(&picked(order.clone(), 1, 1)).await;
    }
    for (order, reason) in &cases {
        let dead = env.expect_dead(&order.order_id).await;
        assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("labels.create", *reason));
    }
    env.quiet().await;
    assert_eq!(shippo.counts().labels, 0);
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused() {
    let shippo = sandbox().await;
    let mut tokenless = config(Some(&shippo));
    tokenless.shippo.token = String::new();
    let refused = despatch_labels::worker(&tokenless).err().expect("a rule names shippo").to_string();
    assert!(refused.contains("labels.rules[1].carrier"), "{refused}");
    let mut nameless = config(None);
    nameless.rules[0].services.clear();
    assert!(despatch_labels::worker(&nameless).is_err());
}
