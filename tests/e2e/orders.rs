//! Orders as people look for them: listed, shown by any of their names, cancelled, counted.

use serde_json::{Value, json};

use crate::deployment::order;
use crate::local_deployment::LocalDeployment;
use crate::until::until;

fn lines(orders: &[Value]) -> String {
    orders.iter().flat_map(|order| [order.to_string(), "\n".to_owned()]).collect()
}

#[allow(clippy::too_many_lines, reason = "one deployment, looked at from every side")]
#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_shown_by_any_name_cancelled_and_counted() {
    let local = LocalDeployment::start().await;
    let import = async |name: &str, orders: &[Value], rest: &[&str]| {
        let path = local.write(name, &json!(""));
        std::fs::write(&path, lines(orders)).unwrap();
        local.does(&[&["import", path.as_str()], rest].concat()).await
    };
    let numbered: Vec<Value> = (1..=3).map(|number| order(number, None)).collect();

    // The units of an order are received once, whichever import it comes with.
    let first = import("orders.jsonl", &numbered[..2], &["--stock", "--json"]).await;
    let first: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!((&first["placed"], &first["units_received"]), (&json!(2), &json!(2)), "{first:#}");
    let all = import("orders.jsonl", &numbered, &["--stock", "--json"]).await;
    let all: Value = serde_json::from_str(&all.stdout).unwrap();
    assert_eq!((&all["placed"], &all["there_already"]), (&json!(1), &json!(2)), "{all:#}");
    assert_eq!(all["units_received"], 1, "{all:#}");
    for number in ["1", "2", "3"] {
        local.becomes(&format!("test/{number}"), "completed").await;
    }

    // Each line that is no order is named, and nothing of the file is placed.
    let mut odd = order(4, None);
    odd["total"] = json!("a lot");
    let refused = import("odd.jsonl", &[odd, order(5, None), json!([])], &[]).await;
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    for part in ["2 of 3 lines", "line 1 ", "total: ", "line 3 ", "nothing is placed"] {
        assert!(refused.stderr.contains(part), "{part} in {}", refused.stderr);
    }

    // An order without stock is stuck, one with a country that is none is not accepted.
    let mut abroad = order(7, None);
    abroad["ship_to"]["country"] = json!("QQ");
    assert!(import("more.jsonl", &[order(6, None), abroad], &[]).await.status.success());
    local.case("stock-short").await;
    local.case("address-incomplete").await;

    // Pages of a list, newest first.
    let listed = local.json(&["orders", "list", "--limit", "3", "--json"]).await;
    let numbers = |listed: &Value| -> Vec<String> {
        let orders = listed["orders"].as_array().unwrap();
        orders.iter().map(|order| order["shop_order_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut seen = numbers(&listed);
    let next = listed["next"].as_str().unwrap();
    let rest = local.json(&["orders", "list", "--limit", "3", "--after", next, "--json"]).await;
    assert_eq!(rest["next"], Value::Null, "{rest:#}");
    seen.extend(numbers(&rest));
    seen.sort();
    assert_eq!(seen, ["1", "2", "3", "6", "7"]);
    let one =
        async |args: &[&str]| numbers(&local.json(&[&["orders", "list", "--json"], args].concat()).await);
    assert_eq!(one(&["--state", "accepted"]).await, ["6"]);
    assert_eq!(one(&["--state", "placed"]).await, ["7"]);
    assert_eq!(one(&["--stuck", "--state", "accepted"]).await, ["6"]);
    let mut stuck = one(&["--stuck"]).await;
    stuck.sort();
    assert_eq!(stuck, ["6", "7"]);
    assert_eq!(one(&["--older-than", "1m"]).await, Vec::<String>::new());
    let unknown = local.does(&["orders", "list", "--shop", "tset"]).await;
    assert!(!unknown.status.success() && unknown.stderr.contains("did you mean test?"), "{unknown:?}");
    let table = local.does(&["orders", "list"]).await.stdout;
    assert!(table.contains("test/7") && table.contains("not accepted"), "{table}");

    // Every name of an order leads to it.
    let shown = local.json(&["orders", "show", "test/6", "--json"]).await;
    let id = shown["order_id"].as_str().unwrap();
    for name in ["6", id, &id[..30]] {
        assert_eq!(local.json(&["orders", "show", name, "--json"]).await["order_id"], id, "{name}");
    }
    let ambiguous = local.does(&["orders", "show", &id[..4]]).await;
    assert!(ambiguous.stderr.contains("may be any of several") && ambiguous.stderr.contains("test/6"));
    let unknown = local.does(&["orders", "show", "test/8"]).await;
    assert!(unknown.stderr.contains("test/8: no such order"), "{unknown:?}");

    // A page names the case with the command that shows it; one that was not accepted has its contents.
    let page = local.does(&["orders", "show", "7"]).await.stdout;
    for part in ["test 7   not accepted", "zoe@example.com", "1 × SKU-A", "despatch exceptions show "] {
        assert!(page.contains(part), "{part} in\n{page}");
    }

    // An order that was not accepted cannot be cancelled, one that waits for stock can, one that arrived cannot.
    let refused = local.does(&["orders", "cancel", "test/7"]).await;
    assert!(
        !refused.status.success() && refused.stderr.contains("despatch exceptions discard"),
        "{refused:?}"
    );
    let cancel = ["orders", "cancel", "test/6", "--reason", "out of print", "--by", "ann"];
    let cancelled = local.does(&cancel).await;
    assert!(cancelled.status.success() && cancelled.stdout.contains("test/6 is cancelled"), "{cancelled:?}");
    let again = local.does(&cancel).await;
    assert!(again.status.success() && again.stdout.contains("was cancelled before"), "{again:?}");
    let page = local.does(&["orders", "show", "test/6"]).await.stdout;
    assert!(page.contains("cancelled by operator ann: out of print"), "{page}");
    until("nothing is stuck any more", async || {
        let page = local.does(&["orders", "show", "test/6"]).await.stdout;
        (!page.contains("stuck")).then_some(())
    })
    .await;
    let late = local.does(&["orders", "cancel", "test/1", "--json"]).await;
    let said: Value = serde_json::from_str(&late.stdout).unwrap();
    assert_eq!((&said["outcome"], &said["state"]), (&json!("refused"), &json!("completed")), "{said:#}");
    assert_eq!(late.status.code(), Some(1));

    let status = local.json(&["status", "--json"]).await;
    assert_eq!(status["running"], true, "{status:#}");
    let today = &status["today"];
    assert_eq!(
        (&today["placed"], &today["delivered"], &today["cancelled"]),
        (&json!(5), &json!(3), &json!(1))
    );
    let text = local.does(&["status"]).await.stdout;
    assert!(
        text.contains("5 placed, 3 despatched") && text.contains("--reason address-incomplete"),
        "{text}"
    );

    // A subject that nothing is published on is an error, not a silence.
    for (nothing, said) in [("evt.ordr.placed", "did you mean evt.order.placed?"), ("nope", "no such order")]
    {
        let ended = local.does(&["events", "tail", nothing]).await;
        assert!(!ended.status.success() && ended.stderr.contains(said), "{ended:?}");
    }
    let wrong_key = ["import", &local.write("one.jsonl", &order(9, None)), "--api-key", "wrong", "--url"];
    let refused = local.does(&[&wrong_key[..], &[local.gateway_url()]].concat()).await;
    assert!(refused.stderr.contains("refuses the API key") && refused.stderr.contains("DESPATCH_API_KEY"));
    local.stop().await;
}

#[tokio::test]
async fn where_nothing_runs_commands_say_how_to_begin() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("nowhere");
    let at = async |args: &[&str]| {
        let mut command = crate::child::despatch(args);
        crate::child::Despatch::run(command.arg("--data-dir").arg(&dir)).await
    };
    let status = at(&["status"]).await;
    assert!(status.status.success(), "{status:?}");
    assert!(status.stdout.starts_with("nothing runs here; begin with despatch up --data-dir "), "{status:?}");
    for command in [&["orders", "list"][..], &["orders", "show", "1"], &["events", "tail"]] {
        let ended = at(command).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("despatch up"), "{ended:?}");
    }
}
