//! Orders that no carrier brings, whole or in part: collected, digital, without an address for mail.

use serde_json::{Value, json};

use crate::local_deployment::LocalDeployment;

/// A trace of the shop's own, different for each order.
fn trace(number: u64) -> String {
    format!("00-{number:032x}-{number:016x}-01")
}

fn messages(shown: &Value) -> Vec<&str> {
    let messages = shown["messages"].as_array().unwrap();
    messages.iter().map(|mail| mail["milestone"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_carrier_brings_has_its_own_end() {
    let local = LocalDeployment::start().await;
    local.stock(4).await;
    let place = async |number: u64, change: &dyn Fn(&mut Value)| {
        let mut order = local.checked_out(number).await;
        change(&mut order);
        local.post(&order, &trace(number)).await;
        format!("test/{number}")
    };
    let show = async |name: &str| local.json(&["orders", "show", name, "--json"]).await;

    // The customer collects it, so no address is needed.
    let pickup = place(1, &|order| {
        order["lines"][0]["fulfilment"] = json!("pickup");
        order.as_object_mut().unwrap().remove("ship_to");
    })
    .await;
    local.becomes(&pickup, "ready").await;
    let listed = local.json(&["orders", "list", "--state", "ready", "--json"]).await;
    assert_eq!(listed["orders"][0]["shop_order_id"], "1");
    let collected = local.json(&["orders", "collected", &pickup, "--by", "ann", "--json"]).await;
    assert_eq!(collected["outcome"], "collected");
    let again = local.does(&["orders", "collected", &pickup, "--by", "ann"]).await;
    assert!(again.status.success() && again.stdout.contains("was collected before"), "{again:?}");
    local.becomes(&pickup, "completed").await;
    let shown = show(&pickup).await;
    assert_eq!(shown["parcels"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&shown["parcels"][0]["carrier"], &shown["parcels"][0]["stage"]),
        (&json!("pickup"), &json!("collected"))
    );
    assert_eq!(shown["payment"]["tenders"][0]["captured_minor"], 1299);
    assert_eq!(messages(&shown)[..3], ["accepted", "ready", "collected"]);

    // Nothing moves: it ends when it is paid, and its SKU need not be known.
    let download = place(2, &|order| {
        order["lines"][0]["fulfilment"] = json!("digital");
        order["lines"][0]["sku"] = json!("");
        order.as_object_mut().unwrap().remove("ship_to");
    })
    .await;
    local.becomes(&download, "completed").await;
    let shown = show(&download).await;
    assert_eq!(messages(&shown), ["accepted"]);
    assert_eq!((&shown["parcels"], &shown["review"]), (&json!([]), &Value::Null));
    assert_eq!(shown["payment"]["tenders"][0]["captured_minor"], 1299);
    let refused = local.does(&["orders", "collected", &download]).await;
    assert!(!refused.status.success() && refused.stderr.contains("is ready to be collected"), "{refused:?}");

    // A parcel without a mailbox: every step but the mails.
    let silent = place(3, &|order| order["customer"]["email"] = json!("")).await;
    local.becomes(&silent, "completed").await;
    let page = local.does(&["orders", "show", &silent]).await.stdout;
    assert!(page.contains("none, because the order has no usable e-mail address"), "{page}");
    assert!(messages(&show(&silent).await).is_empty());

    // All three take one unit each, and the unit of each that moved has left.
    let db = local.database.client().await.unwrap();
    let left = "select coalesce(sum(quantity) filter (where shipped_at is not null), 0)::int8,
                       coalesce(sum(quantity) filter (where shipped_at is null), 0)::int8 from inventory.allocation";
    let units = db.query_one(left, &[]).await.unwrap();
    assert_eq!((units.get::<_, i64>(0), units.get::<_, i64>(1)), (2, 0));
    drop(db);
    local.stop().await;
}
