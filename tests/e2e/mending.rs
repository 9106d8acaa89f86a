//! What people do about what failed, over the command line of a running site.

use serde_json::{Value, json};

use crate::deployment::order;
use crate::site::Site;
use crate::waiting::until;

impl Site {
    /// Places an order, with stock for it or without.
    async fn place(&self, order: &Value, stock: &[&str]) {
        let file = self.write("order.jsonl", order);
        assert!(self.does(&[&["import", file.as_str()], stock].concat()).await.status.success());
    }
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_edited_cancelled_and_replayed_together() {
    let site = Site::start().await;

    // What the shop sent wrong is put right, and is handled so.
    let mut wrong = order(1, None);
    wrong["ship_to"]["country"] = json!("QQ");
    site.place(&wrong, &["--stock"]).await;
    let case = site.case("address-incomplete").await;
    let (handler, event, order_id) =
        (text(&case, "handler"), text(&case, "event_id"), text(&case, "order_id"));
    let mut document = site.json(&["exceptions", "show", handler, event, "--contents"]).await;
    assert_eq!(document["contents"]["order"]["ship_to"]["country"], "QQ", "{document:#}");
    let edit = async |document: &Value, rest: &[&str]| {
        let file = site.write("event.json", document);
        let said =
            ["exceptions", "edit", handler, event, "--from", &file, "--by", "ada", "--reason", "a slip"];
        site.does(&[&said, rest].concat()).await
    };
    let mut unknown = document.clone();
    unknown["contents"]["order"]["ship_to"]["planet"] = json!("Mars");
    let refused = edit(&unknown, &["--yes"]).await;
    assert!(!refused.status.success() && refused.stderr.contains("planet"), "{refused:?}");
    document["contents"]["order"]["total_minor"] = json!(1);
    let refused = edit(&document, &["--yes"]).await;
    assert!(refused.stderr.contains("add up to 1299") && refused.stderr.contains("QQ"), "{refused:?}");
    document["contents"]["order"]["total_minor"] = json!(1299);
    document["contents"]["order"]["ship_to"]["country"] = json!("US");
    let change = r#"order.ship_to.country: "QQ" -> "US""#;
    let shown = edit(&document, &[]).await;
    assert!(!shown.status.success() && shown.stdout.contains(change) && shown.stderr.contains("--yes"));
    assert!(edit(&document, &["--yes"]).await.status.success());
    site.becomes(order_id, "completed").await;
    let history = until("the case is resolved", async || {
        let shown = site.does(&["exceptions", "show", handler, event]).await.stdout;
        shown.contains("resolved: replayed").then_some(shown)
    })
    .await;
    for part in [change, "edited      ada  a slip", "succeeded"] {
        assert!(history.contains(part), "{part} in\n{history}");
    }

    // What cannot be sent is called off: its customer is told, its money goes back.
    site.place(&order(2, None), &[]).await;
    let case = site.case("stock-short").await;
    let (handler, event, order_id) =
        (text(&case, "handler"), text(&case, "event_id"), text(&case, "order_id"));
    let cancel = ["exceptions", "cancel-order", handler, event, "--by", "ada", "--reason", "out of print"];
    assert!(site.does(&cancel).await.status.success());
    site.becomes(order_id, "cancelled").await;
    until("the case is resolved", async || {
        let shown = site.does(&["exceptions", "show", handler, event]).await.stdout;
        shown.contains("resolved: order-cancelled").then_some(())
    })
    .await;
    until("the customer is told", async || {
        let shown = site.json(&["orders", "show", order_id, "--json"]).await;
        shown["order"]["messages"].to_string().contains("cancelled").then_some(())
    })
    .await;

    // What one delivery mends is replayed together.
    for number in 3..6 {
        site.place(&order(number, None), &[]).await;
    }
    until("three cases", async || {
        let listed = site.json(&["exceptions", "list", "--reason", "stock-short", "--json"]).await;
        (listed["cases"].as_array()?.len() == 3).then_some(())
    })
    .await;
    let client = site.database.client().await.unwrap();
    let delivery = "update inventory.stock set available = available + 3, received = received + 3";
    client.execute(delivery, &[]).await.unwrap();
    drop(client);
    let create = ["replays", "create", "--reason", "stock-short", "--by", "ada", "--json"];
    let job = site.json(&create).await["id"].to_string();
    assert_eq!(site.json(&["replays", "dry-run", &job, "--json"]).await["replayed"], 3);
    let unsure = site.does(&["replays", "start", &job, "--by", "ada"]).await;
    assert!(!unsure.status.success() && unsure.stderr.contains("3 cases"), "{unsure:?}");
    assert!(site.does(&["replays", "start", &job, "--by", "ada", "--yes"]).await.status.success());
    let shown = until("the job is finished", async || {
        let shown = site.does(&["replays", "show", &job, "--items"]).await.stdout;
        shown.contains("finished").then_some(shown)
    })
    .await;
    assert!(shown.contains("3 succeeded, 0 failed"), "{shown}");
    let nothing = site.does(&create).await;
    assert!(nothing.stderr.contains("no case is unresolved, reason stock-short"), "{nothing:?}");
    site.stop().await;
}
