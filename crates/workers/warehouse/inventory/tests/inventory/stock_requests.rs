//! Requests about stock: each is worked on once, and each row has its result.

use despatch_contracts::Event;
use despatch_contracts::order::OrderCancelled;
use despatch_contracts::payment::PaymentAuthorised;
use despatch_contracts::stock::{
    AdjustRequested, AdjustRow, ArrivedRow, CountRequested, CountRow, Item, ItemsSet, ReceiptRow,
    ReceiveRequested, StockRequest, StockReserved, TransferArrived, TransferRequested, TransferRow,
};
use despatch_inventory::store::{self, ReceiptLine};
use despatch_testkit::{TestEnv, eventually, order};
use serde_json::Value;
use tokio_postgres::Client;

use crate::{AN_HOUR, units, warehouse};

pub(crate) fn asked(request_id: &str) -> StockRequest {
    StockRequest {
        request_id: request_id.into(),
        requested_by: "operator".into(),
        by: "ada".into(),
        note: "a test".into(),
    }
}

pub(crate) fn receive(request_id: &str, rows: &[(&str, &str, i64)]) -> ReceiveRequested {
    let row = |&(sku, location, quantity): &(&str, &str, i64)| ReceiptRow {
        row_id: String::new(),
        sku: sku.into(),
        location: location.into(),
        quantity,
    };
    let rows = rows.iter().map(row).collect();
    ReceiveRequested { request: Some(asked(request_id)), receipt: String::new(), rows, all_or_nothing: false }
}

pub(crate) fn adjust(request_id: &str, rows: &[(&str, &str, i64, &str)]) -> AdjustRequested {
    let row = |&(sku, location, change, reason): &(&str, &str, i64, &str)| AdjustRow {
        sku: sku.into(),
        location: location.into(),
        change,
        reason: reason.into(),
    };
    AdjustRequested { request: Some(asked(request_id)), rows: rows.iter().map(row).collect() }
}

pub(crate) fn count(request_id: &str, rows: &[(&str, &str, i64)]) -> CountRequested {
    let row = |&(sku, location, counted): &(&str, &str, i64)| CountRow {
        sku: sku.into(),
        location: location.into(),
        counted,
        seen_at: None,
    };
    CountRequested { request: Some(asked(request_id)), rows: rows.iter().map(row).collect() }
}

pub(crate) fn transfer(
    request_id: &str,
    rows: &[(&str, &str, &str, i64)],
    arrives_later: bool,
) -> TransferRequested {
    let row = |&(sku, from, to, quantity): &(&str, &str, &str, i64)| TransferRow {
        sku: sku.into(),
        from: from.into(),
        to: to.into(),
        quantity,
    };
    let rows = rows.iter().map(row).collect();
    TransferRequested { request: Some(asked(request_id)), transfer: String::new(), rows, arrives_later }
}

/// Delivers a request twice and returns its rows' results: outcome and code of each.
pub(crate) async fn ask<E: Event>(
    env: &TestEnv,
    db: &Client,
    request_id: &str,
    event: &E,
) -> Vec<(String, String)> {
    env.deliver(event).await;
    results(db, request_id).await
}

pub(crate) async fn results(db: &Client, request_id: &str) -> Vec<(String, String)> {
    let rows = all_results(db, request_id).await;
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "outcome"), text(row, "code"))).collect()
}

pub(crate) async fn all_results(db: &Client, request_id: &str) -> Vec<Value> {
    let sql = "SELECT results FROM inventory.request WHERE request_id = $1";
    let results = eventually("the request has its results", async || {
        Some(db.query_opt(sql, &[&request_id]).await.unwrap()?.get::<_, Value>(0))
    });
    results.await.as_array().unwrap().clone()
}

pub(crate) fn outcomes(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(outcome, code)| ((*outcome).to_owned(), (*code).to_owned())).collect()
}

pub(crate) async fn available(db: &Client, sku: &str, location: &str) -> i64 {
    let sql = "SELECT available FROM inventory.stock WHERE sku = $1 AND location = $2";
    db.query_opt(sql, &[&sku, &location]).await.unwrap().map_or(0, |row| row.get(0))
}

/// Units of a bucket, over all locations, by the ledger.
pub(crate) async fn in_bucket(db: &Client, sku: &str, bucket: &str) -> i64 {
    let sql = "SELECT coalesce(sum(units), 0)::int8 FROM inventory.bucket WHERE sku = $1 AND bucket = $2";
    db.query_one(sql, &[&sku, &bucket]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_row_of_a_receipt_is_booked_or_told_why_not() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let rows = [
        ("SKU-A", "east", 5),
        ("SKU-A", "east", 5),
        ("", "east", 1),
        ("SKU-B", "eats", 1),
        ("SKU-B", "", 1),
        ("SKU-B", "east", 0),
        ("SKU-B", "east", i64::MAX),
        ("SKU-\0", "east", 1),
    ];
    let results = ask(&env, &db, "r-1", &receive("r-1", &rows)).await;
    let refused = |code| ("refused", code);
    let expected = [
        ("booked", ""),
        ("booked", ""),
        refused("text-missing"),
        refused("location-unknown"),
        refused("location-missing"),
        refused("quantity-invalid"),
        refused("quantity-invalid"),
        refused("text-invalid"),
    ];
    assert_eq!(results, outcomes(&expected));
    env.quiet().await;
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-B", "east").await), (10, 0));
    assert_eq!(in_bucket(&db, "SKU-A", "supplier").await, -10);
    let told = all_results(&db, "r-1").await[3]["error"].as_str().unwrap().to_owned();
    assert!(told.contains("did you mean \"east\"?"), "{told}");
    let request = "SELECT kind, by_whom, note, rows, refused FROM inventory.request";
    let row = db.query_one(request, &[]).await.unwrap();
    let texts = [0, 1, 2].map(|at| row.get::<_, String>(at));
    assert_eq!(texts, ["stock.receive-requested", "ada", "a test"]);
    assert_eq!((row.get::<_, i32>(3), row.get::<_, i32>(4)), (8, 6));
}

#[tokio::test]
async fn a_row_of_a_delivery_is_booked_once_whichever_request_brings_it() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let with_ids = |request_id: &str, receipt: &str, ids: &[&str]| {
        let mut event = receive(request_id, &vec![("SKU-A", "east", 4); ids.len()]);
        event.receipt = receipt.into();
        event.rows.iter_mut().zip(ids).for_each(|(row, id)| row.row_id = (*id).into());
        event
    };
    let first = ask(&env, &db, "r-1", &with_ids("r-1", "", &["one", "two", "two"])).await;
    assert_eq!(first, outcomes(&[("booked", ""), ("booked", ""), ("before", "booked-before")]));
    let again = ask(&env, &db, "r-2", &with_ids("r-2", "", &["one", "two", "three"])).await;
    let before = ("before", "booked-before");
    assert_eq!(again, outcomes(&[before, before, ("booked", "")]));
    let told = all_results(&db, "r-2").await[0]["error"].as_str().unwrap().to_owned();
    assert!(told.contains("by ada") && told.contains("--receipt"), "{told}");
    // The same rows of another delivery.
    assert_eq!(
        ask(&env, &db, "r-3", &with_ids("r-3", "monday", &["one"])).await,
        outcomes(&[("booked", "")])
    );
    // The same request again, with other rows, is the same request.
    env.deliver(&receive("r-3", &[("SKU-A", "east", 100)])).await;
    env.quiet().await;
    assert_eq!(available(&db, "SKU-A", "east").await, 16);
    let movements = "SELECT count(*), sum(quantity)::int8 FROM inventory.movement";
    let row = db.query_one(movements, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4, 16));
}

#[tokio::test]
async fn one_bad_row_withholds_a_receipt_that_is_all_or_nothing() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let mut bad = receive("r-1", &[("SKU-A", "east", 4), ("SKU-A", "nowhere", 4)]);
    bad.all_or_nothing = true;
    let expected = outcomes(&[("withheld", "withheld"), ("refused", "location-unknown")]);
    assert_eq!(ask(&env, &db, "r-1", &bad).await, expected);
    assert_eq!(available(&db, "SKU-A", "east").await, 0);
    let mut good = receive("r-2", &[("SKU-A", "east", 4), ("SKU-A", "west", 4)]);
    good.all_or_nothing = true;
    assert_eq!(ask(&env, &db, "r-2", &good).await, outcomes(&[("booked", ""), ("booked", "")]));
    assert_eq!(available(&db, "SKU-A", "west").await, 4);
}

#[tokio::test]
async fn a_command_without_a_request_is_a_dead_letter() {
    let (env, _db) = warehouse(AN_HOUR, &[]).await;
    env.deliver(&ReceiveRequested { request: None, ..receive("", &[("SKU-A", "east", 1)]) }).await;
    eventually("a dead letter", async || (!env.messages("dead.inventory.>").await.is_empty()).then_some(()))
        .await;
}

#[tokio::test]
async fn adjustments_have_a_reason_and_take_no_more_than_is_available() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 10)]).await;
    let rows = [
        ("SKU-A", "east", -3, "damaged"),
        ("SKU-A", "east", -1, "expired"),
        ("SKU-A", "east", -1, "lost"),
        ("SKU-A", "east", -1, "supplier-short"),
        ("SKU-A", "east", 2, "found"),
        ("SKU-A", "east", -7, "lost"),
        ("SKU-A", "west", 3, "data-entry"),
        ("SKU-A", "west", -1, "found"),
        ("SKU-A", "east", 1, "damaged"),
        ("SKU-A", "east", 0, "found"),
        ("SKU-A", "east", i64::MIN, "lost"),
        ("SKU-Q", "east", 1, "found"),
    ];
    let results = ask(&env, &db, "a-1", &adjust("a-1", &rows)).await;
    let refused = |code| ("refused", code);
    let booked = ("booked", "");
    let expected = [
        booked,
        booked,
        booked,
        booked,
        booked,
        refused("stock-short"),
        booked,
        refused("reason-unknown"),
        refused("reason-unknown"),
        refused("quantity-invalid"),
        refused("quantity-invalid"),
        refused("sku-unknown"),
    ];
    assert_eq!(results, outcomes(&expected));
    env.quiet().await;
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-A", "west").await), (6, 3));
    for (bucket, units) in [("damaged", 3), ("scrapped", 1), ("lost", 1), ("supplier", -14), ("available", 9)]
    {
        assert_eq!(in_bucket(&db, "SKU-A", bucket).await, units, "{bucket}");
    }
    let told = all_results(&db, "a-1").await;
    let error = |row: usize| told[row]["error"].as_str().unwrap().to_owned();
    assert!(error(5).contains("at most 6 units") && error(5).contains("count"), "{}", error(5));
    assert!(error(11).contains("did you mean \"SKU-A\"?"), "{}", error(11));
}

#[tokio::test]
async fn an_adjustment_above_a_value_is_marked_for_a_second_person() {
    let (env, db) = crate::warehouse_with(AN_HOUR, 500, &[("SKU-A", "east", 10)]).await;
    let item = Item {
        sku: "SKU-A".into(),
        value_minor: Some(250),
        value_currency: Some("EUR".into()),
        ..Item::default()
    };
    ask(&env, &db, "i-1", &ItemsSet { request: Some(asked("i-1")), items: vec![item] }).await;
    for (request_id, change, is_marked) in [("a-1", -2, false), ("a-2", -3, true)] {
        ask(&env, &db, request_id, &adjust(request_id, &[("SKU-A", "east", change, "lost")])).await;
        let marked = "SELECT needs_second FROM inventory.request WHERE request_id = $1";
        let row = db.query_one(marked, &[&request_id]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), is_marked, "{request_id}");
    }
    assert_eq!(available(&db, "SKU-A", "east").await, 5);
}

#[tokio::test]
async fn a_count_moves_the_difference_and_what_was_missing_is_found_first() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 10)]).await;
    let booked = outcomes(&[("booked", "")]);
    assert_eq!(ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 7)])).await, booked);
    assert_eq!((available(&db, "SKU-A", "east").await, in_bucket(&db, "SKU-A", "missing").await), (7, 3));
    assert_eq!(ask(&env, &db, "c-2", &count("c-2", &[("SKU-A", "east", 12)])).await, booked);
    assert_eq!((available(&db, "SKU-A", "east").await, in_bucket(&db, "SKU-A", "missing").await), (12, 0));
    assert_eq!(in_bucket(&db, "SKU-A", "supplier").await, -12);
    let rows = [("SKU-A", "west", 2), ("SKU-A", "west", 3), ("SKU-Z", "west", 2), ("SKU-A", "east", -1)];
    let results = ask(&env, &db, "c-3", &count("c-3", &rows)).await;
    let refused = |code| ("refused", code);
    let expected =
        [("booked", ""), refused("row-twice"), refused("sku-unknown"), refused("quantity-invalid")];
    assert_eq!(results, outcomes(&expected));
    assert_eq!((available(&db, "SKU-A", "west").await, available(&db, "SKU-A", "east").await), (2, 12));
}

#[tokio::test]
async fn a_transfer_arrives_at_once_or_later_and_what_is_short_is_lost() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 10), ("SKU-B", "east", 3)]).await;
    let rows = [
        ("SKU-A", "east", "west", 4),
        ("SKU-A", "east", "west", 7),
        ("SKU-A", "east", "east", 1),
        ("SKU-A", "east", "wets", 1),
    ];
    let results = ask(&env, &db, "t-1", &transfer("t-1", &rows, false)).await;
    let refused = |code| ("refused", code);
    let expected =
        [("booked", ""), refused("stock-short"), refused("location-same"), refused("location-unknown")];
    assert_eq!(results, outcomes(&expected));
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-A", "west").await), (6, 4));
    assert_eq!(in_bucket(&db, "SKU-A", "transit").await, 0);

    let rows = [("SKU-A", "east", "west", 5), ("SKU-B", "east", "west", 3)];
    let mut later = transfer("t-2", &rows, true);
    later.transfer = "lorry".into();
    ask(&env, &db, "t-2", &later).await;
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-A", "west").await), (1, 4));
    assert_eq!(in_bucket(&db, "SKU-A", "transit").await, 5);
    later.request = Some(asked("t-3"));
    let twice = ask(&env, &db, "t-3", &later).await;
    assert_eq!(twice, outcomes(&[refused("transfer-known"), refused("transfer-known")]));

    let arrived = |request_id: &str, rows: &[(&str, i64)]| TransferArrived {
        request: Some(asked(request_id)),
        transfer: "lorry".into(),
        rows: rows
            .iter()
            .map(|(sku, quantity)| ArrivedRow { sku: (*sku).into(), to: "west".into(), quantity: *quantity })
            .collect(),
    };
    // Each of two rows would write the units of the other one off.
    let twice = ask(&env, &db, "t-7", &arrived("t-7", &[("SKU-A", 2), ("SKU-A", 3)])).await;
    assert_eq!(twice, outcomes(&[refused("row-twice"), refused("row-twice")]));
    let more = ask(&env, &db, "t-8", &arrived("t-8", &[("SKU-A", 6), ("SKU-C", 1)])).await;
    assert_eq!(more, outcomes(&[refused("quantity-invalid"), refused("transfer-unknown")]));
    assert_eq!(in_bucket(&db, "SKU-A", "transit").await, 5);
    // An article that is not reported stays on its way.
    assert_eq!(ask(&env, &db, "t-4", &arrived("t-4", &[("SKU-A", 4)])).await, outcomes(&[("booked", "")]));
    assert_eq!((available(&db, "SKU-A", "west").await, in_bucket(&db, "SKU-A", "lost").await), (8, 1));
    assert_eq!(ask(&env, &db, "t-5", &arrived("t-5", &[])).await, outcomes(&[("booked", "")]));
    assert_eq!((available(&db, "SKU-B", "west").await, in_bucket(&db, "SKU-B", "transit").await), (3, 0));
    let nothing = ask(&env, &db, "t-6", &arrived("t-6", &[])).await;
    assert_eq!(nothing, outcomes(&[refused("transfer-unknown")]));
}

/// From an empty deployment to a parcel: a location, one receipt, an order.
#[tokio::test]
async fn units_of_a_receipt_are_sold() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "west", 5), ("SKU-B", "west", 5)])).await;
    env.deliver(&PaymentAuthorised { order: Some(order("o-1")) }).await;
    let reserved: StockReserved = env.expect("o-1").await;
    assert_eq!(reserved.allocations.len(), 2);
    env.deliver(&OrderCancelled { order_id: "o-1".into(), reason: "customer-cancelled".into() }).await;
    env.quiet().await;
    assert_eq!(available(&db, "SKU-A", "west").await, 5);
}

#[tokio::test]
async fn a_receipt_is_recorded_once() {
    let (_env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 2)]).await;
    for _ in 0..2 {
        store::receive(&db, "r-2", &[("SKU-A", "east", 3), ("SKU-A", "east", 1), ("SKU-C", "west", 5)])
            .await
            .unwrap();
    }
    assert_eq!(units(&db).await, [11, 11, 0, 0]);
    let refused = store::receive(&db, "r-3", &[("SKU-A", "nowhere", 1)]).await;
    assert!(refused.is_err(), "a location must be open");
    assert_eq!(units(&db).await, [11, 11, 0, 0]);
    // Two receipts at once, of which one is recorded already.
    let line = |receipt_id, quantity| ReceiptLine { receipt_id, sku: "SKU-A", location: "east", quantity };
    store::receive_all(&db, &[line("r-2", 4), line("r-4", 1), line("r-5", 2)]).await.unwrap();
    assert_eq!(units(&db).await, [14, 14, 0, 0]);
    let known = ["r-2", "r-5", "r-6"].map(str::to_owned);
    let recorded = store::units_on_receipts(&db, &known).await.unwrap();
    assert_eq!(recorded.len(), 2);
    assert_eq!((recorded["r-2"]["SKU-A"], recorded["r-2"]["SKU-C"], recorded["r-5"]["SKU-A"]), (4, 5, 2));
}
