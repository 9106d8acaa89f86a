//! People work on cases by the command line of a running local deployment.

use serde_json::{Value, json};

use crate::deployment::order;
use crate::local_deployment::{LocalDeployment, order_of};
use crate::until::until;

impl LocalDeployment {
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
    let local = LocalDeployment::start().await;

    // An operator corrects the shop's order, and it is handled.
    let mut wrong = order(1, None);
    wrong["ship_to"]["country"] = json!("QQ");
    local.place(&wrong, &["--stock"]).await;
    let case = local.case("address-incomplete").await;
    let (handler, event, order_id) = (text(&case, "handler"), text(&case, "event_id"), order_of(&case));
    let mut document = local.json(&["exceptions", "show", handler, event, "--contents"]).await;
    assert_eq!(document["contents"]["order"]["ship_to"]["country"], "QQ", "{document:#}");
    let edit = async |document: &Value, rest: &[&str]| {
        let file = local.write("event.json", document);
        let said =
            ["exceptions", "edit", handler, event, "--from", &file, "--by", "ada", "--reason", "a slip"];
        local.does(&[&said, rest].concat()).await
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
    assert!(shown.status.success() && shown.stdout.contains(change) && shown.stdout.contains("--yes"));
    let edited = edit(&document, &["--yes"]).await;
    assert!(edited.status.success() && edited.stdout.contains("Case resolved."), "{edited:?}");
    local.becomes(order_id, "completed").await;
    let history = until("the case is resolved", async || {
        let shown = local.does(&["exceptions", "show", handler, event]).await.stdout;
        shown.contains("resolved: replayed").then_some(shown)
    })
    .await;
    for part in [change, "edited ", " ada ", "a slip", "succeeded"] {
        assert!(history.contains(part), "{part} in\n{history}");
    }

    // An order that cannot be sent is cancelled: its customer is told, its money goes back.
    local.place(&order(2, None), &[]).await;
    let case = local.case("stock-short").await;
    let (number, order_id) = (case["number"].to_string(), order_of(&case));
    let by_shop = ["exceptions", "list", "--order", "test/2", "--json"];
    assert_eq!(local.json(&by_shop).await["cases"][0]["number"], case["number"]);
    let listed = local.does(&["exceptions", "list"]).await.stdout;
    assert!(listed.contains("test/2  ") && listed.contains("12.99 USD"), "{listed}");
    for (filter, meant) in [
        (["--reason", "stock_short"], "stock-short"),
        (["--queue", "warehous"], "warehouse"),
        (["--worker", "inventry"], "'inventory'"),
        (["--handler", "inventory.reserv"], "did you mean inventory.reserve?"),
        (["--order", "test/nope"], "no such order"),
    ] {
        let refused = local.does(&[&["exceptions", "list"][..], &filter].concat()).await;
        assert!(!refused.status.success() && refused.stderr.contains(meant), "{filter:?}: {refused:?}");
    }
    let nobody = local.does(&["exceptions", "list", "--claimed-by", "eve"]).await;
    assert!(nobody.status.success() && nobody.stdout.contains("claimed by eve"), "{nobody:?}");
    let cancel = ["exceptions", "cancel-order", &number, "--by", "ada", "--reason", "out of print"];
    let cancelled = local.does(&cancel).await;
    assert!(cancelled.status.success() && cancelled.stdout.contains("Case resolved."), "{cancelled:?}");
    local.becomes(order_id, "cancelled").await;
    let shown = local.does(&["exceptions", "show", &format!("#{number}")]).await.stdout;
    assert!(shown.contains("resolved: order-cancelled"), "{shown}");
    until("the customer is told", async || {
        let shown = local.json(&["orders", "show", order_id, "--json"]).await;
        shown["messages"].to_string().contains("cancelled").then_some(())
    })
    .await;

    // Cases that one delivery resolves are replayed together.
    for number in 3..6 {
        local.place(&order(number, None), &[]).await;
    }
    until("three cases", async || {
        let listed = local.json(&["exceptions", "list", "--reason", "stock-short", "--json"]).await;
        (listed["cases"].as_array()?.len() == 3).then_some(())
    })
    .await;
    local.deliver("a later delivery", 3).await;
    let create = ["replays", "create", "--reason", "stock-short", "--by", "ada", "--json"];
    let replay = local.json(&create).await["id"].to_string();
    assert_eq!(local.json(&["replays", "dry-run", &replay, "--json"]).await["replayed"], 3);
    let unsure = local.does(&["replays", "start", &replay, "--by", "ada"]).await;
    assert!(unsure.status.success() && unsure.stdout.contains("3 cases would be replayed"), "{unsure:?}");
    let started = local.does(&["replays", "start", &replay, "--by", "ada", "--yes"]).await;
    assert!(started.status.success() && started.stdout.contains("finished after"), "{started:?}");
    let shown = local.does(&["replays", "show", &replay, "--items"]).await.stdout;
    assert!(shown.contains("3 handled, 0 failed again"), "{shown}");
    let nothing = local.does(&create).await;
    assert!(
        nothing.stderr.contains("no case matches the filter: unresolved, reason stock-short"),
        "{nothing:?}"
    );
    local.stop().await;
}
