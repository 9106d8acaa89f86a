//! The orders that came in, as commands read them.

use despatch_read_model::placed;
use despatch_testkit::TestEnv;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{TestGateway, order, place};

#[tokio::test]
async fn orders_are_found_by_every_name_and_paged_from_the_newest() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let of = |shop: &str, number: &str| -> Value {
        let mut order = order(number);
        order["shop"] = json!(shop);
        order
    };
    let mut ids = Vec::new();
    for (shop, number) in [("north", "1"), ("north", "2"), ("south", "1"), ("west", "3")] {
        ids.push(gateway.send(place(&of(shop, number))).await.order_id());
    }
    let db = env.db().await;
    let uuid = |id: &str| Uuid::try_parse(id).unwrap();
    let ids_of = |found: Vec<placed::PlacedOrder>| -> Vec<String> {
        found.into_iter().map(|it| it.order_id).collect()
    };

    let found = placed::by_natural_key(&db, "north", "2").await.unwrap().unwrap();
    assert_eq!((&found.order_id, found.trace_id.len()), (&ids[1], 32), "{found:?}");
    assert_eq!(placed::by_natural_key(&db, "north", "3").await.unwrap(), None);
    assert_eq!(ids_of(placed::by_ids(&db, &[uuid(&ids[3])]).await.unwrap()), ids[3..]);
    let both = placed::by_shop_order_id(&db, "1", 10).await.unwrap();
    assert_eq!(ids_of(both), [ids[0].clone(), ids[2].clone()]);
    assert_eq!(placed::by_shop_order_id(&db, "4", 10).await.unwrap(), []);
    let range = (uuid(&ids[1]), uuid(&ids[2]));
    assert_eq!(ids_of(placed::by_id_range(&db, range, 10).await.unwrap()), ids[1..3]);
    assert_eq!(placed::shops(&db).await.unwrap(), ["north", "south", "west"]);

    let newest = placed::before(&db, Uuid::max(), None, 3).await.unwrap();
    assert_eq!(ids_of(newest), [ids[3].clone(), ids[2].clone(), ids[1].clone()]);
    let before = placed::before(&db, uuid(&ids[2]), Some("north"), 10).await.unwrap();
    assert_eq!(ids_of(before), [ids[1].clone(), ids[0].clone()]);
    let hour = SignedDuration::from_hours(1);
    assert_eq!(placed::count_since(&db, Timestamp::now() - hour).await.unwrap(), 4);
    assert_eq!(placed::count_since(&db, Timestamp::now() + hour).await.unwrap(), 0);
}

#[tokio::test]
async fn a_gateway_without_orders_has_no_shops() {
    let env = TestEnv::new().await;
    let _gateway = TestGateway::open(&env, Vec::new()).await;
    let db = env.db().await;
    assert_eq!(placed::shops(&db).await.unwrap(), Vec::<String>::new());
    assert_eq!(placed::by_shop_order_id(&db, "1", 10).await.unwrap(), []);
}
