//! Deliveries that were announced, against the receipts that bring them. Every event is delivered twice.

use std::time::{Duration, SystemTime};

use despatch_contracts::runtime::Envelope;
use despatch_contracts::stock::{
    DeliveryArrived, DeliveryCancelRequested, DeliveryCheckDue, DeliveryDiffered, DeliveryLine,
    DeliveryOverdue, ExpectRequested, ExpectedRow, ReceiveRequested,
};
use despatch_inventory::{Config, worker};
use despatch_runtime::Settings;
use despatch_testkit::{Child, TestEnv, eventually};
use prost::Message as _;
use tokio_postgres::Client;

use crate::races::permutations;
use crate::stock_requests::{ask, asked, available, outcomes, receive, results};
use crate::{AN_HOUR, assert_lawful, idle, warehouse};

const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// An announcement of `PO-1` that is due after this time.
async fn expect(
    db: &Client,
    request_id: &str,
    after: Duration,
    rows: &[(&str, &str, i64)],
) -> ExpectRequested {
    let now = db.query_one("SELECT despatch_now()", &[]).await.unwrap().get::<_, SystemTime>(0);
    let row = |&(sku, location, quantity): &(&str, &str, i64)| ExpectedRow {
        sku: sku.into(),
        location: location.into(),
        quantity,
    };
    ExpectRequested {
        request: Some(asked(request_id)),
        delivery: "PO-1".into(),
        due: Some((now + after).into()),
        supplier: Some("Acme".into()),
        contact: Some("orders@acme.example".into()),
        rows: rows.iter().map(row).collect(),
    }
}

/// A receipt of `PO-1`.
fn brought(request_id: &str, rows: &[(&str, &str, i64)]) -> ReceiveRequested {
    ReceiveRequested { receipt: "PO-1".into(), ..receive(request_id, rows) }
}

fn arrived(request_id: &str) -> DeliveryArrived {
    DeliveryArrived { request: Some(asked(request_id)), delivery: "PO-1".into() }
}

fn cancelled(request_id: &str) -> DeliveryCancelRequested {
    DeliveryCancelRequested { request: Some(asked(request_id)), delivery: "PO-1".into() }
}

/// Whether `PO-1` is open; `None` if nobody announced it.
async fn is_open(db: &Client) -> Option<bool> {
    let sql = "SELECT closed_at IS NULL FROM inventory.delivery WHERE delivery = 'PO-1' AND due IS NOT NULL";
    db.query_opt(sql, &[]).await.unwrap().map(|row| row.get(0))
}

/// The differences that people were told of, fact by fact: `SKU expected booked`.
async fn differed(env: &TestEnv) -> Vec<Vec<String>> {
    let text = |line: &DeliveryLine| format!("{} {} {}", line.sku, line.expected, line.booked);
    let lines = |message: Envelope| {
        let event = DeliveryDiffered::decode(message.payload).unwrap();
        event.lines.iter().map(text).collect()
    };
    env.messages("evt.stock.delivery-differed").await.into_iter().map(lines).collect()
}

async fn until_differed(env: &TestEnv, expected: &[&[&str]]) {
    eventually("the differences are told", async || (differed(env).await == expected).then_some(())).await;
    env.quiet().await;
    assert_eq!(differed(env).await, expected, "each once");
}

/// The handlers that gave a case about a delivery to a person.
async fn cases(env: &TestEnv) -> Vec<String> {
    let letters = env.messages("dead.>").await;
    let mut handlers: Vec<String> = letters.into_iter().map(|letter| letter.source).collect();
    handlers.sort();
    handlers
}

async fn timers(db: &Client) -> i64 {
    let sql = "SELECT count(*) FROM inventory.timer WHERE key = 'delivery/PO-1'";
    db.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_delivery_that_comes_as_announced_closes_silently() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let rows = [("SKU-A", "east", 5), ("SKU-B", "west", 2)];
    let results = ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &rows).await).await;
    assert_eq!(results, outcomes(&[("booked", ""), ("booked", "")]));
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(true), 1));
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 3)])).await;
    assert_eq!(is_open(&db).await, Some(true));
    ask(&env, &db, "r-2", &brought("r-2", &[("SKU-B", "west", 2), ("SKU-A", "east", 2)])).await;
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(false), 0));
    ask(&env, &db, "c-1", &arrived("c-1")).await;
    env.advance(10 * A_DAY).await;
    env.quiet().await;
    assert!(differed(&env).await.is_empty() && cases(&env).await.is_empty());
    assert_eq!(available(&db, "SKU-A", "east").await, 5);
}

#[tokio::test]
async fn each_row_of_an_announcement_is_kept_or_told_why_not() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let refused = |code| ("refused", code);
    let mut lacks_due = expect(&db, "e-1", A_DAY, &[("SKU-A", "east", 5)]).await;
    lacks_due.due = None;
    assert_eq!(ask(&env, &db, "e-1", &lacks_due).await, outcomes(&[refused("due-missing")]));
    let nothing = expect(&db, "e-2", A_DAY, &[]).await;
    assert_eq!(ask(&env, &db, "e-2", &nothing).await, outcomes(&[refused("delivery-unknown")]));
    assert_eq!(ask(&env, &db, "x-1", &cancelled("x-1")).await, outcomes(&[refused("delivery-unknown")]));
    assert_eq!(is_open(&db).await, None);
    let rows = [
        ("SKU-A", "east", 5),
        ("SKU-A", "east", 5),
        ("", "east", 1),
        ("SKU-B", "eats", 1),
        ("SKU-B", "east", -1),
    ];
    let expected = [
        ("booked", ""),
        refused("row-twice"),
        refused("text-missing"),
        refused("location-unknown"),
        refused("quantity-invalid"),
    ];
    assert_eq!(ask(&env, &db, "e-3", &expect(&db, "e-3", A_DAY, &rows).await).await, outcomes(&expected));
    // A change needs neither rows nor a due time, and a row of 0 units is taken off.
    let mut change = expect(&db, "e-4", A_DAY, &[]).await;
    (change.due, change.supplier) = (None, Some("Bolt".into()));
    assert_eq!(ask(&env, &db, "e-4", &change).await, outcomes(&[("booked", "")]));
    let sql = "SELECT supplier, contact FROM inventory.delivery";
    let row = db.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("Bolt", "orders@acme.example"));
    let rows = [("SKU-A", "east", 0), ("SKU-C", "west", 4)];
    ask(&env, &db, "e-5", &expect(&db, "e-5", A_DAY, &rows).await).await;
    let row = db.query_one("SELECT string_agg(sku, ' ') FROM inventory.expected", &[]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), is_open(&db).await), ("SKU-C", Some(true)));
}

#[tokio::test]
async fn too_much_is_told_while_the_delivery_is_open_and_too_little_once_it_is_over() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let rows = [("SKU-A", "east", 5), ("SKU-B", "east", 5)];
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &rows).await).await;
    // An article that is not expected, and one unit too many, in two requests: told together.
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 6)])).await;
    ask(&env, &db, "r-2", &brought("r-2", &[("SKU-X", "west", 1)])).await;
    assert_eq!(available(&db, "SKU-X", "west").await, 1, "nothing is refused");
    env.quiet().await;
    assert!(differed(&env).await.is_empty());
    env.advance(Duration::from_secs(61)).await;
    let first: &[&str] = &["SKU-A 5 6", "SKU-X 0 1"];
    until_differed(&env, &[first]).await;
    assert_eq!(is_open(&db).await, Some(true));
    assert_eq!(cases(&env).await, ["inventory.flag-differing"]);
    let letter = env.expect_dead("PO-1").await;
    assert_eq!(letter.reason, "receipt-differs");
    let error = &letter.failures.last().unwrap().error;
    assert_eq!(
        error,
        "PO-1 of Acme differs from its announcement: SKU-A at east: expected 5, booked 6; \
         SKU-X at west: expected 0, booked 1"
    );
    // More of it while it is open is told at the end, together with what is missing.
    ask(&env, &db, "r-3", &brought("r-3", &[("SKU-X", "west", 1)])).await;
    env.advance(Duration::from_secs(61)).await;
    env.quiet().await;
    assert_eq!(differed(&env).await.len(), 1);
    ask(&env, &db, "c-1", &arrived("c-1")).await;
    let second: &[&str] = &["SKU-A 5 6", "SKU-B 5 0", "SKU-X 0 2"];
    until_differed(&env, &[first, second]).await;
    assert_eq!(is_open(&db).await, Some(false));
    // A part of it comes after all: nobody is told again.
    ask(&env, &db, "r-4", &brought("r-4", &[("SKU-B", "east", 3)])).await;
    env.advance(A_DAY * 5).await;
    env.quiet().await;
    assert_eq!(differed(&env).await.len(), 2);
    assert!(env.messages("evt.stock.delivery-overdue").await.is_empty());
    assert_lawful(&db).await;
}

#[tokio::test]
async fn too_little_is_told_at_once_when_the_receiver_says_that_this_was_all() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &[("SKU-A", "east", 5), ("SKU-B", "east", 1)]).await)
        .await;
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 4), ("SKU-B", "east", 1)])).await;
    for request_id in ["c-1", "c-2"] {
        ask(&env, &db, request_id, &arrived(request_id)).await;
    }
    until_differed(&env, &[&["SKU-A 5 4"]]).await;
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(false), 0));
    // Another due time opens it again, and the rest comes.
    ask(&env, &db, "e-2", &expect(&db, "e-2", 3 * A_DAY, &[]).await).await;
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(true), 1));
    ask(&env, &db, "r-2", &brought("r-2", &[("SKU-A", "east", 1)])).await;
    env.quiet().await;
    assert_eq!((is_open(&db).await, differed(&env).await.len()), (Some(false), 1));
}

#[tokio::test]
async fn a_receipt_that_comes_before_its_announcement_counts() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 4)])).await;
    assert_eq!((is_open(&db).await, timers(&db).await), (None, 0));
    // The receiver said that this was all.
    ask(&env, &db, "c-1", &arrived("c-1")).await;
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &[("SKU-A", "east", 4)]).await).await;
    env.quiet().await;
    assert_eq!((is_open(&db).await, differed(&env).await.len()), (Some(false), 0));
    // The second half of the announcement: the receiver has not seen it.
    let mut rest = expect(&db, "e-2", A_DAY, &[("SKU-B", "east", 2)]).await;
    rest.due = None;
    ask(&env, &db, "e-2", &rest).await;
    until_differed(&env, &[&["SKU-B 2 0"]]).await;
}

#[tokio::test]
async fn a_delivery_that_does_not_come_is_told_once_after_its_grace() {
    let env = TestEnv::new().await;
    env.run(worker(&Config { delivery_grace_hours: 24, ..Config::default() })).await;
    let db = crate::receive(&env, &[]).await;
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &[("SKU-A", "east", 5), ("SKU-B", "east", 5)]).await)
        .await;
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 5)])).await;
    env.advance(A_DAY + A_DAY / 2).await;
    // A timer that is hurried tells nothing before its time.
    env.deliver(&DeliveryCheckDue { delivery: "PO-1".into() }).await;
    env.quiet().await;
    assert!(env.messages("evt.stock.delivery-overdue").await.is_empty());
    env.advance(A_DAY).await;
    let overdue: DeliveryOverdue = env.expect("PO-1").await;
    assert_eq!((overdue.contact.as_str(), overdue.number_of_lines), ("orders@acme.example", 1));
    assert_eq!(overdue.lines[0].sku, "SKU-B");
    let letter = env.expect_dead("PO-1").await;
    assert_eq!(letter.reason, "delivery-overdue");
    let error = &letter.failures.last().unwrap().error;
    assert!(
        error.starts_with("PO-1 of Acme was due ") && error.contains("contact orders@acme.example"),
        "{error}"
    );
    assert!(error.ends_with("SKU-B at east: expected 5, booked 0"), "{error}");
    env.deliver(&DeliveryCheckDue { delivery: "PO-1".into() }).await;
    env.quiet().await;
    assert_eq!(env.messages("evt.stock.delivery-overdue").await.len(), 1);
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(true), 0));
    // Postponed, and late again: that is told too.
    ask(&env, &db, "e-2", &expect(&db, "e-2", A_DAY, &[]).await).await;
    env.advance(3 * A_DAY).await;
    eventually("it is told again", async || {
        (env.messages("evt.stock.delivery-overdue").await.len() == 2).then_some(())
    })
    .await;
    ask(&env, &db, "r-2", &brought("r-2", &[("SKU-B", "east", 5)])).await;
    env.quiet().await;
    assert_eq!((is_open(&db).await, differed(&env).await.len()), (Some(false), 0));
}

#[tokio::test]
async fn a_delivery_that_is_here_cancelled_or_postponed_is_not_overdue() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let rows = [("SKU-A", "east", 5), ("SKU-B", "east", 5)];
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &rows).await).await;
    ask(&env, &db, "e-2", &expect(&db, "e-2", 3 * A_DAY, &[]).await).await;
    env.advance(2 * A_DAY).await;
    ask(&env, &db, "r-1", &brought("r-1", &[("SKU-A", "east", 2)])).await;
    ask(&env, &db, "x-1", &cancelled("x-1")).await;
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(false), 0));
    env.advance(5 * A_DAY).await;
    env.quiet().await;
    assert!(cases(&env).await.is_empty(), "what came before the cancellation is right");
    // It comes after all.
    ask(&env, &db, "r-2", &brought("r-2", &[("SKU-B", "east", 5)])).await;
    env.advance(Duration::from_secs(61)).await;
    until_differed(&env, &[&["SKU-B 0 5"]]).await;
    // It is announced again.
    ask(&env, &db, "e-3", &expect(&db, "e-3", A_DAY, &[("SKU-B", "east", 5), ("SKU-C", "east", 1)]).await)
        .await;
    assert_eq!(is_open(&db).await, Some(true));
}

/// Two processes, and the announcement, two receipts and the receiver's word in every order, none of which waits for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_at_once_ends_as_if_one_came_after_the_other() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    env.run(worker(&Config { reservation_seconds: AN_HOUR, ..Config::default() })).await;
    let orders = permutations(&[0, 1, 2, 3]);
    for (number, events) in orders.iter().enumerate() {
        let name = format!("PO-{number}");
        for event in events {
            let id = format!("{number}-{event}");
            match event {
                0 => {
                    let rows = [("SKU-A", "east", 4), ("SKU-B", "east", 3)];
                    let event = expect(&db, &id, A_DAY, &rows).await;
                    env.deliver(&ExpectRequested { delivery: name.clone(), ..event }).await;
                }
                1 | 2 => {
                    let event = brought(&id, &[("SKU-A", "east", 2)]);
                    env.deliver(&ReceiveRequested { receipt: name.clone(), ..event }).await;
                }
                _ => drop(env.deliver(&DeliveryArrived { delivery: name.clone(), ..arrived(&id) }).await),
            }
        }
    }
    env.quiet().await;
    env.advance(Duration::from_secs(61)).await;
    env.quiet().await;
    // The receiver's word may overtake a receipt, and then the fact says that more is missing. Nobody is told again that it came.
    let mut told: Vec<String> = Vec::new();
    for message in env.messages("evt.stock.delivery-differed").await {
        let event = DeliveryDiffered::decode(message.payload).unwrap();
        let missing = event.lines.iter().find(|line| line.sku == "SKU-B").unwrap();
        assert_eq!((missing.expected, missing.booked), (3, 0));
        told.push(event.delivery);
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), orders.len(), "each delivery, once");
    assert_eq!(env.messages("evt.stock.delivery-differed").await.len(), orders.len());
    let sql = "SELECT count(*) FROM inventory.delivery JOIN inventory.expected USING (delivery)
               WHERE closed_at IS NOT NULL AND (sku = 'SKU-A' AND booked = 4 OR sku = 'SKU-B' AND booked = 0)";
    let ended: i64 = db.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!((ended, available(&db, "SKU-A", "east").await), (48, 96));
    assert_lawful(&db).await;
}

/// Two receipts at once that complete a delivery together: it closes, whichever is last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_receipts_at_once_complete_a_delivery() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    env.run(worker(&Config { reservation_seconds: AN_HOUR, ..Config::default() })).await;
    let skus: Vec<String> = (0..20).map(|sku| format!("S-{sku}")).collect();
    let rows: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "east", 4)).collect();
    ask(&env, &db, "e-1", &expect(&db, "e-1", A_DAY, &rows).await).await;
    let halves: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "east", 2)).collect();
    let reversed: Vec<_> = halves.iter().rev().copied().collect();
    let (one, two) = (brought("r-1", &halves), brought("r-2", &reversed));
    tokio::join!(env.deliver(&one), env.deliver(&two));
    results(&db, "r-1").await;
    results(&db, "r-2").await;
    env.quiet().await;
    assert_eq!((is_open(&db).await, timers(&db).await), (Some(false), 0));
    assert!(cases(&env).await.is_empty());
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Some(env) = Child::joined().await else { return };
    let _failpoints = fail::FailScenario::setup();
    env.run(worker(&Config { reservation_seconds: AN_HOUR, ..Config::default() })).await;
    Child::until_parent_ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_process_ends_a_difference_is_told_once() {
    for boundary in crate::kills::BOUNDARIES {
        let env = TestEnv::new().await;
        let (ack_wait, sweep_after) = (Duration::from_secs(2), Duration::from_secs(1));
        let env = TestEnv::join(Settings { ack_wait, sweep_after, ..env.settings().clone() }).await;
        let (env, db) = idle(env).await;
        env.deliver(&expect(&db, "e-1", A_DAY, &[("SKU-A", "east", 5)]).await).await;
        env.deliver(&brought("r-1", &[("SKU-A", "east", 3)])).await;
        env.deliver(&arrived("c-1")).await;
        // One event after the other gets a process that ends at the boundary, and the next one goes on.
        for _ in 0..4 {
            let mut victim = Child::start("deliveries::run", &env, &format!("{boundary}=return"), &[]);
            eventually("it has ended, or all is done", async || {
                let is_done = !env.messages("evt.stock.delivery-differed").await.is_empty();
                (victim.has_ended() || is_done).then_some(())
            })
            .await;
            drop(victim);
        }
        env.run(worker(&Config { reservation_seconds: AN_HOUR, ..Config::default() })).await;
        for request_id in ["e-1", "r-1", "c-1"] {
            results(&db, request_id).await;
        }
        eventually("the difference is told", async || (!differed(&env).await.is_empty()).then_some(())).await;
        env.advance(Duration::from_secs(61)).await;
        env.quiet().await;
        // The receiver's word may overtake the receipt.
        let told = differed(&env).await;
        assert!(told == [["SKU-A 5 3"]] || told == [["SKU-A 5 0"]], "{boundary}: {told:?}");
        assert_eq!(is_open(&db).await, Some(false), "{boundary}");
        assert_lawful(&db).await;
    }
}
