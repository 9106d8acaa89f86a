//! The opening stock of a file that grows.

use despatch_order_files::FileOrder;
use despatch_runtime::{Database, migrate_all};
use despatch_scenario::receive_stock;
use despatch_testkit::TestEnv;
use serde_json::value::to_raw_value;

fn order(number: u32, units: &[(&str, i64)]) -> FileOrder {
    FileOrder {
        order: to_raw_value(&()).expect("JSON"),
        shop: "north".to_owned(),
        shop_order_id: number.to_string(),
        currency: "USD".to_owned(),
        total_minor: 0,
        units: units.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect(),
    }
}

#[tokio::test]
async fn a_longer_part_of_the_same_file_receives_exactly_the_units_that_are_missing() {
    let env = TestEnv::new().await;
    let config = despatch_inventory::Config {
        reservation_seconds: 60,
        second_person_above: 0,
        ..despatch_inventory::Config::default()
    };
    migrate_all(env.settings(), &[despatch_inventory::worker(&config)]).await.expect("servers");
    let database = Database::new(&env.settings().database_url, 1).expect("a URL");
    let receive =
        async |orders: &[FileOrder]| receive_stock(&database, orders).await.expect("the tables are there");

    // The first part ends within the second order.
    let first = [order(1, &[("A", 2), ("B", 1)]), order(2, &[("A", 3)])];
    assert_eq!(receive(&first).await, 6);
    assert_eq!(receive(&first).await, 0, "the same part needs nothing");
    // The next has the rest of it: more of one article, and another article.
    let longer =
        [order(1, &[("A", 2), ("B", 1)]), order(2, &[("A", 3), ("A", 1), ("C", 4)]), order(3, &[("B", 5)])];
    assert_eq!(receive(&longer).await, 1 + 4 + 5);
    assert_eq!(receive(&longer).await, 0);
    let longest = [&longer[..], &[order(4, &[("A", 1)])]].concat();
    let longest: Vec<FileOrder> = longest
        .into_iter()
        .map(|it| if it.shop_order_id == "2" { order(2, &[("A", 5), ("C", 4)]) } else { it })
        .collect();
    assert_eq!(receive(&longest).await, 1 + 1, "a third receipt of the second order");
    // A shorter part takes nothing back.
    assert_eq!(receive(&first).await, 0);

    let stock = "select sku, (select sum(quantity)::int8 from inventory.movement m where m.sku = s.sku),
                        sum(available)::int8
                   from inventory.stock s group by sku order by sku";
    let rows = env.db().await.query(stock, &[]).await.expect("the stock");
    let stock: Vec<(String, i64, i64)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(stock, [("A".into(), 8, 8), ("B".into(), 6, 6), ("C".into(), 4, 4)]);
}
