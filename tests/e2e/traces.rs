//! A collector of traces gets all spans of an order. Neither it nor the log may hold personal data or secrets.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use despatch_order_files::superstore;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::child::{Despatch, despatch};
use crate::collector::{Collector, Span};
use crate::local_deployment::{LocalDeployment, order_of};

/// The shop's own place in the trace.
const SHOP: (&str, &str) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");

/// The kind of a span that calls a server: client.
const CLIENT: i32 = 3;

/// Where operators are told: its address, which is a secret, and who says when that has happened.
async fn operators() -> (String, mpsc::Receiver<()>) {
    let (told, alerts) = mpsc::channel(1);
    let take = async move || {
        // Once is enough.
        let _ = told.try_send(());
        StatusCode::OK
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/T0/secret-of-the-webhook", listener.local_addr().unwrap());
    let routes = Router::new().route("/T0/secret-of-the-webhook", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, alerts)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_failed_and_was_edited_and_replayed_is_one_trace() {
    let collector = Collector::start().await;
    let (webhook, mut told) = operators().await;
    let local = LocalDeployment::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.grpc),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("DESPATCH_ALERTS_WEBHOOK", &webhook),
        ("DESPATCH_EXCEPTIONS_MONITOR_SECONDS", "1"),
    ])
    .await;
    let mut wrong = local.checked_out(1).await;
    wrong["ship_to"]["country"] = json!("QQ");
    local.post(&wrong, &format!("00-{}-{}-01", SHOP.0, SHOP.1)).await;
    let case = local.case("address-incomplete").await;
    let field = |name: &str| case[name].as_str().unwrap().to_owned();
    let (handler, event, order_id) = (field("handler"), field("event_id"), order_of(&case).to_owned());
    let mut document = local.json(&["exceptions", "show", &handler, &event, "--contents"]).await;
    document["contents"]["order"]["ship_to"]["country"] = json!("US");
    let file = local.write("event.json", &document);
    local.stock(10).await;
    let edit = [
        "exceptions",
        "edit",
        &handler,
        &event,
        "--from",
        &file,
        "--by",
        "ada",
        "--reason",
        "a slip",
        "--yes",
    ];
    assert!(local.does(&edit).await.status.success());
    local.becomes(&order_id, "completed").await;
    told.recv().await.unwrap();
    local.stop().await;

    let spans = collector.spans();
    let trace: Vec<&Span> = spans.iter().filter(|span| span.trace == SHOP.0).collect();
    let ids: HashSet<&str> = trace.iter().map(|span| span.id.as_str()).collect();
    let all: HashMap<(&str, &str), &Span> =
        spans.iter().map(|span| ((span.trace.as_str(), span.id.as_str()), span)).collect();
    assert_eq!(all.len(), spans.len(), "no span is sent twice");
    for span in &trace {
        let known = ids.contains(span.parent.as_str()) || span.parent == SHOP.1;
        assert!(known, "{} has a parent that nobody has sent: {span:#?}", span.name);
    }
    let roots: Vec<&str> =
        trace.iter().filter(|span| span.parent == SHOP.1).map(|span| span.name.as_str()).collect();
    assert_eq!(roots, ["POST /v1/orders"], "the shop's request is what all else follows from");

    // From the request to the review, through the failure, the case, the replay and the timers.
    let names: HashSet<&str> = trace.iter().map(|span| span.name.as_str()).collect();
    for name in [
        "process evt.order.placed",
        "process dead.orders.address-incomplete",
        "process replay.orders.accept",
        "process settled.orders.accept",
        "process evt.order.accepted",
        "process evt.stock.reserved",
        "process evt.payment.captured",
        "process evt.stock.picked",
        "perform labels.create",
        "process evt.label.created",
        "send evt.shipment.despatched",
        "send evt.shipment.delivered",
        "process evt.shipment.delivered",
        "process evt.review.ask-due",
        "process evt.review.requested",
        "process evt.review.lapsed",
    ] {
        assert!(names.contains(name), "{name} is not among {names:#?}");
    }
    let failed = trace.iter().find(|span| span.failed).unwrap();
    assert_eq!(failed.name, "process evt.order.placed");
    assert_eq!(failed.attribute("error.type"), Some("address-incomplete"));
    let replay = trace.iter().find(|span| span.name == "process replay.orders.accept").unwrap();
    assert_eq!(replay.parent, failed.id, "a replay belongs under the try that failed");

    // The failure starts the monitor, which then runs every second, each time in a trace of its own.
    let runs = trace.iter().filter(|span| span.name == "process evt.exception.monitor-due").count();
    assert_eq!(runs, 1, "the first run raises the alert of the order's failure");

    asked_under_their_tries(&trace);
    assert!(!collector.text().contains("secret-of-the-webhook"), "a span holds the webhook's address");

    // A batch's transaction is a span of its own, linked both ways with the events that it recorded.
    for span in trace.iter().filter(|span| span.name.starts_with("process ")) {
        assert_eq!(span.kind, 5, "a consumer");
        let [(in_trace, record)] = &span.links[..] else { panic!("no transaction: {span:#?}") };
        let record = all[&(in_trace.as_str(), record.as_str())];
        assert_eq!(record.attribute("db.system.name"), Some("postgresql"));
        assert!(record.links.contains(&(span.trace.clone(), span.id.clone())), "{record:#?}");
    }
}

/// Each request to a provider is a span under the try that made it.
fn asked_under_their_tries(trace: &[&Span]) {
    for (handler, request, status) in [
        ("payments.capture", "POST /v1/payment_intents/{intent}/capture", Some("200")),
        ("labels.create", "POST /shipments/", Some("201")),
        ("labels.create", "POST /transactions/", Some("201")),
        ("labels.create", "GET /{document}", Some("200")),
        ("notifications.notify", "SMTP", None),
        ("notifications.alert", "POST /{webhook}", Some("200")),
    ] {
        let span = trace.iter().find(|span| span.name == request);
        let span = span.unwrap_or_else(|| panic!("{request} is not in {trace:#?}"));
        let try_of = trace.iter().find(|parent| parent.id == span.parent).map(|parent| &*parent.name);
        assert_eq!(try_of, Some(&*format!("perform {handler}")), "{span:#?}");
        assert_eq!((span.kind, span.failed), (CLIENT, false), "{span:#?}");
        assert_eq!(span.attribute("http.response.status_code"), status);
        assert_eq!(span.attribute("server.address"), Some("127.0.0.1"));
        let port = span.attribute("server.port").unwrap();
        match status {
            Some(_) => {
                let (method, template) = request.split_once(' ').unwrap();
                assert_eq!(span.attribute("http.request.method"), Some(method));
                assert_eq!(span.attribute("url.template"), Some(template));
                let url = format!("http://127.0.0.1:{port}{template}");
                assert_eq!(span.attribute("url.full"), Some(url.as_str()));
            }
            None => assert_eq!(span.attribute("network.protocol.name"), Some("smtp")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_logs_nor_spans_name_a_customer() {
    const ORDERS: usize = 150;
    let collector = Collector::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut command = despatch(["demo", "--faults", "7", "--json", "--orders", &ORDERS.to_string()]);
    command
        .arg("--data-dir")
        .arg(dir.path())
        .env("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.http)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("RUST_LOG", "info,despatch=debug,despatch_runtime=debug");
    let ended = Despatch::run(&mut command).await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(report["audit_passed"], true, "{report:#}");

    let spans = collector.text();
    assert!(spans.matches("process evt.order.accepted").count() >= ORDERS, "spans were sent");
    assert!(spans.contains("\"failed\":true"), "something failed");
    for request in ["POST /v1/payment_intents/{intent}/capture", "POST /shipments/", "SMTP"] {
        let asked: Vec<Span> = collector
            .spans()
            .into_iter()
            .filter(|span| span.kind == CLIENT && span.name == request)
            .collect();
        assert!(asked.len() >= ORDERS / 2, "{request} was sent {} times", asked.len());
        let failed = asked.iter().find(|span| span.failed);
        assert!(failed.is_some_and(|span| span.attribute("error.type").is_some()), "{request} failed once");
    }
    assert!(ended.stderr.contains("event waits for another try"), "and was logged");
    let sample =
        File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../data/superstore.csv")).unwrap();
    for file_order in superstore::read(sample).unwrap().into_iter().take(ORDERS) {
        let order = file_order.order().unwrap();
        for (what, field) in
            [("name", "/customer/name"), ("email", "/customer/email"), ("street", "/ship_to/street1")]
        {
            let personal = order.pointer(field).and_then(Value::as_str).unwrap();
            for (place, text) in [("a span", &spans), ("the log", &ended.stderr)] {
                let found = text.lines().find(|line| line.contains(personal));
                assert_eq!(found, None, "{place} holds a customer's {what}: {personal}");
            }
        }
    }
}
