//! Repeated scans are known for a while, and orders for good.

use despatch_testkit::{TestEnv, eventually};
use serde_json::json;

use crate::fixture::{Request, TestGateway, order, place};
use crate::parcels::workers;

#[tokio::test]
async fn old_scans_go_and_an_order_is_the_same_order_for_good() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    env.quiet().await;
    let db = env.db().await;
    db.batch_execute(
        "update gateway.orders set accepted_at = despatch_now() - interval '3000 days';
         insert into gateway.scan (carrier, tracking_number, movement, order_id, event_id, received_at)
         select 'usps', n::text, 'delivered', '', gen_random_uuid(), despatch_now() - n * interval '1 day'
           from generate_series(170, 190) n;
         insert into gateway.changed_order (shop, shop_order_id, digest, event_id, received_at)
         select 'north', n::text, '', gen_random_uuid(), despatch_now() - n * interval '1 day'
           from generate_series(170, 190) n;
         insert into gateway.kept_webhook (shop, topic, digest, event_id, body, received_at)
         select 'north', n::text, '', gen_random_uuid(), '', despatch_now() - n * interval '1 day'
           from generate_series(170, 190) n",
    )
    .await
    .unwrap();
    let _second = TestGateway::open(&env, Vec::new()).await;
    for table in ["gateway.scan", "gateway.changed_order", "gateway.kept_webhook"] {
        let sql =
            format!("select count(*), max(despatch_now() - received_at) <= interval '180 days' from {table}");
        eventually("the older ones go", async || {
            let row = db.query_one(&sql, &[]).await.unwrap();
            (row.get::<_, i64>(0) == 10 && row.get(1)).then_some(())
        })
        .await;
    }
    // Its record is gone by then, as the state says, and the shop that sends it again places nothing.
    let forget = "with gone as (delete from orders.orders) insert into orders.pruned (order_id) values ($1)";
    db.execute(forget, &[&order_id]).await.unwrap();
    let again = gateway.send(place(&order("1"))).await;
    assert_eq!((again.status, again.order_id()), (200, order_id.clone()));
    let shown = gateway.send(Request::new("GET", format!("/v1/orders/{order_id}")).trusted()).await.json();
    assert_eq!((&shown["state"], &shown["shop_order_id"]), (&json!("pruned"), &json!("1")));
}
