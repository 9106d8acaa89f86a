//! The upkeep of the ledger: movements that are pruned, counters that are checked in the background.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use despatch_contracts::stock::StockCheckDue;
use despatch_inventory::worker;
use despatch_runtime::{Process, Settings};
use despatch_testkit::eventually;
use tokio_postgres::Client;

use crate::stock_requests::{adjust, ask, available, count, in_bucket, outcomes, receive};
use crate::{AN_HOUR, Config, accepted, assert_lawful, warehouse};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn number(db: &Client, what: &str) -> i64 {
    db.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
}

/// Waits until the days before today are closed.
async fn closed(db: &Client) {
    let yesterday =
        "inventory.closing WHERE day = ((despatch_now() - interval '1 hour') AT TIME ZONE 'UTC')::date - 1";
    eventually("yesterday is closed", async || (number(db, yesterday).await == 1).then_some(())).await;
}

#[tokio::test]
async fn pruned_movements_leave_a_balance_to_which_the_others_add_up() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 5), ("SKU-B", "east", 3)]).await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 4)])).await;
    closed(&db).await;
    for number in 0..3 {
        env.advance(DAY + Duration::from_secs(3600)).await;
        closed(&db).await;
        let request_id = format!("a-{number}");
        ask(&env, &db, &request_id, &adjust(&request_id, &[("SKU-A", "east", -1, "lost")])).await;
    }
    assert_eq!(number(&db, "inventory.movement").await, 6);
    let retentions = BTreeMap::from([("movements".to_owned(), DAY)]);
    let settings = Settings { retentions, ..env.settings().clone() };
    let worker =
        worker(&Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() });
    let process = Process::start(settings, vec![worker]).await.unwrap();
    // Only whole days that are closed and a day past: the last adjustments stay.
    let rest = async || {
        let kept = "inventory.movement WHERE at >= (SELECT kept_since FROM inventory.ledger)";
        let pruned = number(&db, "inventory.movement").await < 6;
        (pruned && number(&db, "inventory.movement").await == number(&db, kept).await).then_some(())
    };
    eventually("the old movements are pruned", rest).await;
    let left = number(&db, "inventory.movement").await;
    assert!((1..=2).contains(&left), "{left} movements are left");
    assert_lawful(&db).await;
    assert_eq!(
        (in_bucket(&db, "SKU-A", "available").await, in_bucket(&db, "SKU-B", "available").await),
        (6, 3)
    );
    // A count of a time before the balance is refused, because the units of that time are no longer known.
    let since: SystemTime =
        db.query_one("SELECT kept_since FROM inventory.ledger", &[]).await.unwrap().get(0);
    let mut early = count("c-1", &[("SKU-A", "east", 1), ("SKU-B", "east", 2)]);
    early.rows[0].seen_at = Some((since - Duration::from_secs(1)).into());
    early.rows[1].seen_at = Some(since.into());
    let results = ask(&env, &db, "c-1", &early).await;
    assert_eq!(results, outcomes(&[("refused", "seen-too-early"), ("booked", "")]));
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-B", "east").await), (6, 2));
    assert_lawful(&db).await;
    process.drain().await;
}

#[tokio::test]
async fn counters_that_somebody_changed_are_found_and_a_later_round_finds_them_right_again() {
    let (env, db) =
        warehouse(AN_HOUR, &[("SKU-A", "east", 5), ("SKU-A", "west", 5), ("SKU-B", "east", 5)]).await;
    env.deliver(&accepted("o-1")).await;
    env.quiet().await;
    let check = async || {
        env.deliver(&StockCheckDue {}).await;
        env.quiet().await;
        let sql = "SELECT concat_ws(' ', sku, location, bucket, counted, recorded) FROM inventory.imbalance ORDER BY 1";
        let rows = db.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    assert_eq!(check().await, Vec::<String>::new());
    let by_hand =
        "UPDATE inventory.stock SET available = available + 2 WHERE sku = 'SKU-A' AND location = 'west';
                   UPDATE inventory.allocation SET quantity = quantity + 1 WHERE sku = 'SKU-B'";
    db.batch_execute(by_hand).await.unwrap();
    assert_eq!(check().await, ["SKU-A west available 7 5", "SKU-B east reserved 2 1"]);
    let reversed =
        "UPDATE inventory.stock SET available = available - 2 WHERE sku = 'SKU-A' AND location = 'west'";
    db.batch_execute(reversed).await.unwrap();
    assert_eq!(check().await, ["SKU-B east reserved 2 1"]);
}

#[tokio::test]
async fn a_check_goes_on_after_the_skus_of_the_one_before() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let many = "INSERT INTO inventory.stock (sku, location, available)
                SELECT 'S-' || lpad(n::text, 4, '0'), 'east', 1 FROM generate_series(1, 501) AS n";
    db.batch_execute(many).await.unwrap();
    let check = async || {
        env.deliver(&StockCheckDue {}).await;
        env.quiet().await;
        let checked: String = db.query_one("SELECT checked FROM inventory.ledger", &[]).await.unwrap().get(0);
        (checked, number(&db, "inventory.imbalance").await)
    };
    assert_eq!(check().await, ("S-0500".to_owned(), 500));
    assert_eq!(check().await, (String::new(), 501));
}
