//! Rows of deliveries: their ids, and the articles that they make known.

use despatch_contracts::stock::{Barcode, Item, ItemsSet, ReceiveRequested};

use crate::stock_requests::{all_results, ask, asked, available, count, outcomes, receive};
use crate::{AN_HOUR, warehouse};

fn with_ids(request_id: &str, rows: &[(&str, &str, i64)]) -> ReceiveRequested {
    let rows_without: Vec<_> = rows.iter().map(|(_, sku, quantity)| (*sku, "east", *quantity)).collect();
    let mut event = receive(request_id, &rows_without);
    for (row, (id, ..)) in event.rows.iter_mut().zip(rows) {
        (*id).clone_into(&mut row.row_id);
    }
    event
}

#[tokio::test]
async fn an_id_stands_for_one_row_with_one_content() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let first =
        with_ids("r-1", &[("1", "SKU-A", 5), ("2", "SKU-A", 5), ("2", "SKU-A", 6), ("a\tb", "SKU-A", 1)]);
    let booked = ("booked", "");
    let expected = [booked, booked, ("refused", "row-changed"), ("refused", "text-invalid")];
    assert_eq!(ask(&env, &db, "r-1", &first).await, outcomes(&expected));
    let again = with_ids("r-2", &[("1", "SKU-A", 5), ("2", "SKU-A", 7), ("3", "SKU-B", 1)]);
    let expected = [("before", "booked-before"), ("refused", "row-changed"), booked];
    assert_eq!(ask(&env, &db, "r-2", &again).await, outcomes(&expected));
    let told = all_results(&db, "r-2").await[1]["error"].as_str().unwrap().to_owned();
    assert!(told.contains("5 of \"SKU-A\" at \"east\"; found 7"), "{told}");
    // All or nothing: a changed row keeps the others out.
    let all =
        ReceiveRequested { all_or_nothing: true, ..with_ids("r-3", &[("4", "SKU-A", 5), ("1", "SKU-A", 9)]) };
    let expected = [("withheld", "withheld"), ("refused", "row-changed")];
    assert_eq!(ask(&env, &db, "r-3", &all).await, outcomes(&expected));
    assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-B", "east").await), (10, 1));
}

#[tokio::test]
async fn a_receipt_says_which_articles_are_new_and_takes_no_barcode_for_one() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 1)]).await;
    let carton = Item {
        sku: "SKU-A".into(),
        barcodes: vec![Barcode { code: "4006381333948".into(), factor: 12 }],
        ..Item::default()
    };
    ask(&env, &db, "i-1", &ItemsSet { request: Some(asked("i-1")), items: vec![carton] }).await;
    let rows = [("SKU-A", "east", 1), ("SKU-B", "east", 1), ("4006381333948", "east", 1)];
    let results = ask(&env, &db, "r-1", &receive("r-1", &rows)).await;
    assert_eq!(results, outcomes(&[("booked", ""), ("booked", ""), ("refused", "sku-is-barcode")]));
    let told = all_results(&db, "r-1").await;
    assert_eq!((&told[0]["new"], &told[1]["new"]), (&serde_json::Value::Null, &true.into()));
    let error = told[2]["error"].as_str().unwrap();
    assert!(error.contains("12 units of \"SKU-A\""), "{error}");
    let counted = ask(&env, &db, "c-1", &count("c-1", &[("4006381333948", "east", 1)])).await;
    assert_eq!(counted, outcomes(&[("refused", "sku-is-barcode")]));
}
