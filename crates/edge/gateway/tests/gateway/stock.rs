//! Commands about stock: each is one event, however often it comes, and its outcome can be asked for.

use despatch_contracts::stock::CountRequested;
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;
use serde_json::{Value, json};

use crate::fixture::{Answer, Request, TestGateway};

fn command(method: &'static str, path: &str, body: &Value) -> Request {
    Request::new(method, path).trusted().body(body.to_string())
}

fn receipt(request_id: &str, quantity: i64) -> Request {
    let rows = json!([{ "sku": "A-1", "location": "main", "quantity": quantity }]);
    command("POST", "/v1/stock/receipts", &json!({ "request_id": request_id, "rows": rows }))
}

async fn get(gateway: &TestGateway, path: &str) -> Answer {
    gateway.send(Request::new("GET", path).trusted()).await
}

#[tokio::test]
async fn a_request_is_one_event_however_often_it_comes() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![]).await;
    for _ in 0..3 {
        let answer = gateway.send(receipt("r-1", 3)).await;
        assert_eq!((answer.status, answer.json()), (202, json!({ "request_id": "r-1" })));
        assert_eq!(answer.header("location"), "/v1/stock/requests/r-1");
    }
    let changed = gateway.send(receipt("r-1", 4)).await;
    assert_eq!((changed.status, &changed.json()["error"]["code"]), (409, &json!("request-changed")));
    // Without an id each is a request of its own.
    let ids: Vec<Value> = [gateway.send(receipt("", 3)).await, gateway.send(receipt("", 3)).await]
        .iter()
        .map(|answer| answer.json()["request_id"].clone())
        .collect();
    assert_ne!(ids[0], ids[1]);
    // At once, too.
    let at_once = futures_util::future::join_all((0..8).map(|_| gateway.send(receipt("r-2", 3)))).await;
    assert!(at_once.iter().all(|answer| answer.status == 202), "{at_once:?}");
    env.quiet().await;
    assert_eq!(env.messages("evt.stock.receive-requested").await.len(), 4);
}

#[tokio::test]
async fn a_count_without_a_time_has_that_of_its_first_arrival() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![]).await;
    let body = json!({ "request_id": "c-1", "rows": [{ "sku": "A-1", "location": "main", "counted": 4 }] });
    for _ in 0..2 {
        assert_eq!(gateway.send(command("POST", "/v1/stock/counts", &body)).await.status, 202);
    }
    env.quiet().await;
    let [event] = &env.messages("evt.stock.count-requested").await[..] else { panic!("one event") };
    assert!(CountRequested::decode(event.payload.clone()).unwrap().rows[0].seen_at.is_some());
    let other = json!({ "request_id": "c-1", "rows": [{ "sku": "A-1", "location": "main", "counted": 5 }] });
    assert_eq!(gateway.send(command("POST", "/v1/stock/counts", &other)).await.status, 409);
}

#[tokio::test]
async fn every_command_becomes_its_event() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![]).await;
    for (method, path, body, event) in [
        (
            "POST",
            "/v1/stock/adjustments",
            json!({ "by": "ann", "rows": [{ "sku": "A-1", "location": "main", "change": -2, "reason": "lost" }] }),
            "adjust-requested",
        ),
        (
            "POST",
            "/v1/stock/counts",
            json!({ "rows": [{ "sku": 7, "location": "main", "counted": 0, "seen_at": "2026-11-30T09:00:00Z" }] }),
            "count-requested",
        ),
        (
            "POST",
            "/v1/stock/transfers",
            json!({ "rows": [{ "sku": "A-1", "from": "main", "to": "shop", "quantity": 1 }] }),
            "transfer-requested",
        ),
        ("POST", "/v1/stock/transfers/T-1/arrivals", json!({}), "transfer-arrived"),
        (
            "POST",
            "/v1/stock/deliveries",
            json!({ "delivery": "PO/1", "due": "2026-12-03T12:00:00Z", "contact": "a@acme.example",
                    "rows": [{ "sku": "A-1", "location": "main", "quantity": 40 }] }),
            "expect-requested",
        ),
        ("POST", "/v1/stock/deliveries/PO%2F1/close", json!({}), "delivery-arrived"),
        ("POST", "/v1/stock/deliveries/PO%2F1/cancel", json!({}), "delivery-cancel-requested"),
        (
            "POST",
            "/v1/items",
            json!({ "items": [{ "sku": "A-1", "grams": 250, "value": "12.99", "currency": "eur",
                                "barcodes": [{ "code": 4_006_381_333_931_i64 }] }] }),
            "items-set",
        ),
        (
            "PUT",
            "/v1/locations/main",
            json!({ "name": "Quay", "zone": "Europe/Berlin", "address": { "country": "Deutschland" } }),
            "location-set",
        ),
    ] {
        let answer = gateway.send(command(method, path, &body)).await;
        assert_eq!(answer.status, 202, "{path}: {answer:?}");
        env.quiet().await;
        assert_eq!(env.messages(&format!("evt.stock.{event}")).await.len(), 1, "{event}");
    }
}

/// Starts the gateway and the worker inventory.
async fn with_inventory(env: &TestEnv) -> TestGateway {
    let config = despatch_inventory::Config {
        reservation_seconds: 900,
        second_person_above: 0,
        ..despatch_inventory::Config::default()
    };
    TestGateway::open(env, vec![despatch_inventory::worker(&config)]).await
}

/// Waits until a request is done; returns its record.
async fn done(gateway: &TestGateway, answer: &Answer) -> Value {
    assert_eq!(answer.status, 202, "{answer:?}");
    eventually("the request is done", async || {
        let status = get(gateway, answer.header("location")).await.json();
        (status["state"] == "done").then(|| status["record"].clone())
    })
    .await
}

#[tokio::test]
async fn the_outcome_of_a_request_can_be_asked_for() {
    let env = TestEnv::new().await;
    let gateway = with_inventory(&env).await;
    for path in
        ["/v1/stock/requests/r-1", "/v1/stock/requests/%00", "/v1/stock/A-1", "/v1/stock/A-1/movements"]
    {
        assert_eq!(get(&gateway, path).await.status, 404, "{path}");
    }
    let set = command(
        "PUT",
        "/v1/locations/main",
        &json!({ "name": "Quay", "address": { "country": "DE", "city": "Kiel" } }),
    );
    done(&gateway, &gateway.send(set).await).await;

    // While nobody works on it, it is pending.
    let mut db = env.db().await;
    let lock = db.transaction().await.unwrap();
    lock.batch_execute("lock table inventory.receipt in share mode").await.unwrap();
    let rows = json!([
        { "sku": "A-1", "location": "main", "quantity": 3 },
        { "sku": "A-1", "location": "mian", "quantity": 3 },
        { "sku": "B/ü 2", "location": "main", "quantity": 4 },
    ]);
    let body = json!({ "request_id": "r-1", "by": "ann", "note": "truck", "receipt": "D-1", "rows": rows });
    let answer = gateway.send(command("POST", "/v1/stock/receipts", &body)).await;
    let pending = get(&gateway, "/v1/stock/requests/r-1").await;
    let expected = json!({ "request_id": "r-1", "state": "pending", "record": null });
    assert_eq!((pending.status, pending.json()), (200, expected));
    lock.rollback().await.unwrap();
    let record = done(&gateway, &answer).await;
    assert_eq!(
        (&record["by"], &record["note"], &record["name"], &record["refused"]),
        (&json!("ann"), &json!("truck"), &json!("D-1"), &json!(1)),
        "{record:#}"
    );
    assert_eq!(record["results"][0]["outcome"], "booked");
    assert_eq!(record["results"][1]["code"], "location-unknown");

    // The reads, page by page.
    let locations = get(&gateway, "/v1/locations").await.json();
    assert_eq!(locations["locations"][0]["city"], "Kiel", "{locations:#}");
    let mut levels = Vec::new();
    let mut path = "/v1/stock?limit=1".to_owned();
    loop {
        let page = get(&gateway, &path).await.json();
        levels.extend(page["levels"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!(
            "/v1/stock?limit=1&after={}",
            url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()
        );
    }
    let level = |sku: &str, available| json!({ "sku": sku, "location": "main", "available": available, "reserved": 0 });
    assert_eq!(levels, [level("A-1", 3), level("B/ü 2", 4)]);
    let one = get(&gateway, "/v1/stock/B%2F%C3%BC%202").await.json();
    assert_eq!((&one["title"], &one["levels"]), (&Value::Null, &json!([level("B/ü 2", 4)])));
    for quantity in [5, 6] {
        done(&gateway, &gateway.send(receipt("", quantity)).await).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/stock/A-1/movements?location=main&limit=2".to_owned());
    loop {
        let page = get(&gateway, &path).await.json();
        seen.extend(page["movements"].as_array().unwrap().iter().map(|it| it["quantity"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/stock/A-1/movements?location=main&limit=2&after={next}");
    }
    assert_eq!(seen, [3, 5, 6]);
    let before = get(&gateway, "/v1/stock/A-1/movements?until=2020-01-01T00:00:00Z").await.json();
    assert_eq!(before["movements"], json!([]), "{before:#}");
    let items = get(&gateway, "/v1/items?after=A-1").await.json();
    assert_eq!((&items["items"][0]["sku"], &items["next"]), (&json!("B/ü 2"), &Value::Null));
    for path in [
        "/v1/stock?limit=0",
        "/v1/stock?limit=x",
        "/v1/stock?afer=x",
        "/v1/items?limit=1001",
        "/v1/stock/A-1/movements?after=x",
        "/v1/stock?location=%00",
    ] {
        let refused = get(&gateway, path).await;
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalid")), "{path}");
    }
}

#[tokio::test]
async fn after_movements_were_pruned_an_explanation_begins_with_a_balance() {
    let env = TestEnv::new().await;
    let gateway = with_inventory(&env).await;
    done(&gateway, &gateway.send(command("PUT", "/v1/locations/main", &json!({}))).await).await;
    for quantity in [3, 5, 6] {
        done(&gateway, &gateway.send(receipt("", quantity)).await).await;
    }
    let all = get(&gateway, "/v1/stock/A-1/movements").await.json();
    assert_eq!(all["opening"], Value::Null, "{all:#}");
    // As the pruner leaves it.
    let pruned = "insert into inventory.balance (sku, location, bucket, day, units)
                  values ('A-1', 'main', 'available', '2026-01-01', 3), ('A-1', 'main', 'supplier', '2026-01-01', -3);
                  delete from inventory.movement where quantity = 3;
                  update inventory.ledger set kept_since = (select min(at) from inventory.movement)";
    env.db().await.batch_execute(pruned).await.unwrap();
    let kept = get(&gateway, "/v1/stock/A-1/movements?limit=1").await.json();
    let units = |bucket: &str, units| json!({ "location": "main", "bucket": bucket, "units": units });
    assert_eq!(kept["opening"]["units"], json!([units("available", 3), units("supplier", -3)]), "{kept:#}");
    assert_eq!(
        (&kept["movements"][0]["quantity"], &kept["opening"]["at"]),
        (&json!(5), &kept["movements"][0]["at"])
    );
    let next = kept["next"].as_str().unwrap();
    let rest = get(&gateway, &format!("/v1/stock/A-1/movements?after={next}")).await.json();
    assert_eq!((&rest["movements"][0]["quantity"], &rest["opening"]), (&json!(6), &Value::Null));
    let early = get(&gateway, "/v1/stock/A-1/movements?until=2020-01-01T00:00:00Z").await;
    assert_eq!((early.status, &early.json()["error"]["code"]), (400, &json!("invalid")), "{early:?}");
}

#[tokio::test]
async fn a_row_is_booked_once_whichever_request_brings_it() {
    let env = TestEnv::new().await;
    let gateway = with_inventory(&env).await;
    done(&gateway, &gateway.send(command("PUT", "/v1/locations/main", &json!({}))).await).await;
    let row = |row_id: &str| json!({ "row_id": row_id, "sku": "A-1", "location": "main", "quantity": 3 });
    let send = async |receipt: &str, rows: Vec<Value>| {
        let body = json!({ "receipt": receipt, "rows": rows });
        let record = done(&gateway, &gateway.send(command("POST", "/v1/stock/receipts", &body)).await).await;
        let results = record["results"].as_array().unwrap().clone();
        results.iter().map(|it| it["outcome"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(send("", vec![row("1"), row("2")]).await, ["booked", "booked"]);
    assert_eq!(send("", vec![row("2"), row("3"), row("3")]).await, ["before", "booked", "before"]);
    assert_eq!(send("another", vec![row("2")]).await, ["booked"]);
    // Rows without an id are their request's own.
    assert_eq!(send("", vec![row(""), row("")]).await, ["booked", "booked"]);
    let stock = get(&gateway, "/v1/stock/A-1").await.json();
    assert_eq!(stock["levels"][0]["available"], 18, "{stock:#}");
}

#[tokio::test]
async fn deliveries_are_listed_by_due_time_and_shown_with_what_came() {
    let env = TestEnv::new().await;
    let gateway = with_inventory(&env).await;
    done(&gateway, &gateway.send(command("PUT", "/v1/locations/main", &json!({}))).await).await;
    let announce = async |name: &str, due: &str| {
        let rows = json!([{ "sku": "A-1", "location": "main", "quantity": 5 }]);
        let body = json!({ "delivery": name, "due": due, "supplier": "Acme", "rows": rows });
        done(&gateway, &gateway.send(command("POST", "/v1/stock/deliveries", &body)).await).await
    };
    announce("PO,2/ü", "2099-01-02T00:00:00Z").await;
    announce("PO,1", "2099-01-02T00:00:00Z").await;
    announce("PO-3", "2020-01-01T00:00:00Z").await;
    let rows = json!([{ "sku": "A-1", "location": "main", "quantity": 2 }, { "sku": "B", "location": "main", "quantity": 1 }]);
    let receipt = json!({ "receipt": "PO,2/ü", "rows": rows });
    done(&gateway, &gateway.send(command("POST", "/v1/stock/receipts", &receipt)).await).await;
    let (mut names, mut path) = (Vec::new(), "/v1/stock/deliveries?limit=1".to_owned());
    loop {
        let page = get(&gateway, &path).await.json();
        names.extend(page["deliveries"].as_array().unwrap().iter().map(|it| it["delivery"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        path = format!("/v1/stock/deliveries?limit=1&after={next}");
    }
    assert_eq!(names, ["PO-3", "PO,1", "PO,2/ü"]);
    let path = "/v1/stock/deliveries/PO%2C2%2F%C3%BC";
    let shown = get(&gateway, path).await.json();
    let expected = json!({
        "delivery": "PO,2/ü", "due": "2099-01-02T00:00:00Z", "supplier": "Acme", "contact": "", "state": "open",
        "is_overdue": false, "rows": 2, "expected": 5, "booked": 3, "open": 3,
        "lines": [
            { "sku": "A-1", "location": "main", "expected": 5, "booked": 2 },
            { "sku": "B", "location": "main", "expected": 0, "booked": 1 },
        ],
    });
    assert_eq!(shown, expected);
    done(&gateway, &gateway.send(command("POST", &format!("{path}/close"), &json!({}))).await).await;
    let cancel = command("POST", "/v1/stock/deliveries/PO-3/cancel", &json!({}));
    done(&gateway, &gateway.send(cancel).await).await;
    let open = get(&gateway, "/v1/stock/deliveries").await.json();
    assert_eq!(open["deliveries"].as_array().unwrap().len(), 1, "{open:#}");
    let all = get(&gateway, "/v1/stock/deliveries?all=true").await.json();
    let states: Vec<&Value> = all["deliveries"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["cancelled", "open", "closed"], "{all:#}");
    assert_eq!(
        (&all["deliveries"][2]["open"], &all["deliveries"][0]["is_overdue"]),
        (&json!(0), &json!(false))
    );
    for path in ["/v1/stock/deliveries/PO-4", "/v1/stock/deliveries/%00"] {
        assert_eq!(get(&gateway, path).await.status, 404, "{path}");
    }
    for path in
        ["/v1/stock/deliveries?after=x", "/v1/stock/deliveries?limit=0", "/v1/stock/deliveries?after=%00"]
    {
        assert_eq!(get(&gateway, path).await.status, 400, "{path}");
    }
    for body in [
        json!({ "delivery": "", "due": "2099-01-02T00:00:00Z" }),
        json!({ "delivery": "A", "due": "tomorrow" }),
        json!({ "delivery": "A", "contact": "nobody" }),
        json!({ "delivery": "A", "rows": [{ "sku": "A-1", "location": "main", "quantity": -1 }] }),
    ] {
        let refused = gateway.send(command("POST", "/v1/stock/deliveries", &body)).await;
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalid")), "{body}");
    }
}
