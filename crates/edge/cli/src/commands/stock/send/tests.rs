//! The commands' requests, against a gateway that keeps what it is sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path as PathOf, State};
use axum::http::StatusCode as Answer;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use csv::StringRecord;

use super::super::input::Origin;
use super::super::report::BOOKED;
use super::*;

/// The requests of a gateway, each with its body.
#[derive(Default)]
struct Requests {
    bodies: BTreeMap<String, Value>,
    /// Nothing is worked on.
    is_late: bool,
}

type Shared = Arc<Mutex<Requests>>;

fn problem_of(code: &str, field: &str) -> Json<Value> {
    Json(json!({ "error": { "code": code, "message": "expected another", "field": field } }))
}

/// Takes a request as the gateway does: a row whose SKU is BAD is refused, and so is a known id with another body.
async fn take(State(requests): State<Shared>, Json(body): Json<Value>) -> (Answer, Json<Value>) {
    let rows = body["rows"].as_array().unwrap();
    if let Some(at) = rows.iter().position(|row| row["sku"] == "BAD") {
        return (Answer::BAD_REQUEST, problem_of("invalid", &format!("rows[{at}].sku")));
    }
    let id = body["request_id"].as_str().unwrap().to_owned();
    let mut requests = requests.lock().unwrap();
    if requests.bodies.get(&id).is_some_and(|known| *known != body) {
        return (Answer::CONFLICT, problem_of("request-changed", ""));
    }
    requests.bodies.insert(id.clone(), body);
    (Answer::ACCEPTED, Json(json!({ "request_id": id })))
}

async fn told_of(State(requests): State<Shared>, PathOf(id): PathOf<String>) -> (Answer, Json<Value>) {
    let requests = requests.lock().unwrap();
    let Some(body) = requests.bodies.get(&id) else { return (Answer::NOT_FOUND, problem_of("unknown", "")) };
    if requests.is_late {
        return (Answer::OK, Json(json!({ "record": null })));
    }
    let rows = body["rows"].as_array().unwrap();
    let result = |(at, row): (usize, &Value)| json!({ "row": at + 1, "sku": row["sku"], "location": "main", "quantity": 1, "outcome": "booked" });
    let record = json!({
        "kind": "stock.adjust-requested", "at": "2026-11-30T09:00:00Z", "requested_by": "operator",
        "by": body["by"], "note": "", "name": "", "rows": rows.len(), "refused": 0, "needs_second": false,
        "results": rows.iter().enumerate().map(result).collect::<Vec<_>>(),
    });
    (Answer::OK, Json(json!({ "record": record })))
}

async fn gateway() -> (String, Shared) {
    let requests = Shared::default();
    let router = Router::new()
        .route("/rows", post(take))
        .route("/v1/stock/requests/{id}", get(told_of))
        .with_state(requests.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, requests)
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    request: RequestArgs,
}

fn args(options: &[&str]) -> RequestArgs {
    let by = if options.contains(&"--by") { &[][..] } else { &["--by", "ann"] };
    Line::parse_from([&["despatch"], by, options].concat()).request
}

fn sender<'a>(url: &str, args: &'a RequestArgs) -> Sender<'a> {
    // Fails where another test installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = GatewayClient::new(url, "key").unwrap();
    Sender { client, args, by: args.by.person().unwrap(), quiet: true }
}

fn command(again: Again) -> Command {
    Command {
        method: Method::POST,
        path: "/rows".to_owned(),
        fields: json!({}),
        rows: "rows",
        chunk: 2,
        all_or_nothing: false,
        again,
        repeat_with: String::new(),
        has_rest: false,
        words: BOOKED,
    }
}

fn rows(skus: &[&str]) -> Vec<InputRow> {
    let row = |(sku, line): (&&str, u64)| InputRow {
        body: json!({ "sku": sku }),
        sku: (*sku).to_owned(),
        location: "main".to_owned(),
        origin: Some(Origin { line, record: StringRecord::new() }),
    };
    skus.iter().zip(2..).map(row).collect()
}

/// Sends the rows, and returns what became of each.
async fn sent(sender: &Sender<'_>, command: &Command, skus: &[&str]) -> Result<(Vec<String>, Report)> {
    let rows = rows(skus);
    let id = sender.command_id(command, &rows);
    let repeat = sender.repeat(command, &id);
    let mut report = Report::new(command.words, &[]);
    sender.send_all(&Asking { command, id: &id, repeat }, rows, &mut report).await?;
    report.rows.sort_by_key(RowReport::line);
    let told = serde_json::to_value(&report.rows)?;
    let told = told.as_array().unwrap().iter().map(|row| {
        format!("{} {} {}", row["line"], row["sku"].as_str().unwrap(), row["outcome"].as_str().unwrap())
    });
    Ok((told.collect(), report))
}

fn hint(error: &Failure) -> &str {
    &error.downcast_ref::<crate::result::Hinted>().unwrap().hint
}

#[tokio::test]
async fn the_hint_of_a_late_file_repeats_all_of_its_requests() {
    let (url, requests) = gateway().await;
    let (file, skus) = (command(Again::SameRequest), ["A", "B", "C", "D", "E"]);
    requests.lock().unwrap().is_late = true;
    let late = args(&["--timeout", "0"]);
    let error = sent(&sender(&url, &late), &file, &skus).await.unwrap_err();
    requests.lock().unwrap().is_late = false;
    let (_, id) = hint(&error).split_once("the same command with --request-id ").unwrap();
    let id = id.split(':').next().unwrap();
    // By this id, and without one.
    for options in [&["--request-id", id][..], &[]] {
        let again = args(options);
        let (told, _) = sent(&sender(&url, &again), &file, &skus).await.unwrap();
        assert_eq!(told, ["2 A booked", "3 B booked", "4 C booked", "5 D booked", "6 E booked"]);
    }
    let ids: Vec<String> = requests.lock().unwrap().bodies.keys().cloned().collect();
    assert_eq!(ids, [id.to_owned(), format!("{id}.part2"), format!("{id}.part3")]);
}

#[test]
fn a_typed_command_is_repeated_by_its_id_and_rows_that_are_known_by_themselves() {
    let (none, own) = (args(&[]), args(&["--request-id", "DN-1"]));
    let repeat = |args, again, with: &str| {
        let command = Command { repeat_with: with.to_owned(), ..command(again) };
        sender("http://127.0.0.1:1", args).repeat(&command, "DN-1")
    };
    let booked = "what is booked stays booked";
    assert_eq!(
        repeat(&none, Again::Another, ""),
        format!("the same command with --request-id DN-1: {booked}")
    );
    assert_eq!(
        repeat(&none, Again::Another, " --seen-at T"),
        format!("the same command with --request-id DN-1 --seen-at T: {booked}")
    );
    assert_eq!(repeat(&own, Again::Another, ""), format!("the same command again: {booked}"));
    assert_eq!(repeat(&none, Again::SameRows, ""), format!("the same command again: {booked}"));
}

#[tokio::test]
async fn a_known_id_with_other_rows_is_refused_and_one_with_the_same_rows_has_its_results() {
    let (url, requests) = gateway().await;
    let own = args(&["--request-id", "DN-1"]);
    let (sender, command) = (sender(&url, &own), command(Again::SameRequest));
    let (first, report) = sent(&sender, &command, &["A", "B", "C"]).await.unwrap();
    assert!(report.before.is_none());
    let (again, report) = sent(&sender, &command, &["A", "B", "C"]).await.unwrap();
    assert_eq!(again, first);
    assert!(report.before.unwrap().ends_with(" by ann"));
    for others in [&["X", "B", "C"][..], &["A"], &["A", "B", "X", "C", "D"]] {
        let error = sent(&sender, &command, others).await.unwrap_err();
        assert!(error.to_string().contains("came before, and differed"), "{error}");
    }
    // No request follows one that is refused.
    assert_eq!(requests.lock().unwrap().bodies.len(), 2);
}

#[tokio::test]
async fn the_results_of_a_repeat_belong_to_the_rows_that_the_gateway_took() {
    let (url, _) = gateway().await;
    let own = args(&["--request-id", "items-1"]);
    let sender = sender(&url, &own);
    for _ in 0..2 {
        let (told, _) = sent(&sender, &command(Again::SameRows), &["BAD", "B", "C"]).await.unwrap();
        assert_eq!(told, ["2 BAD refused", "3 B booked", "4 C booked"]);
    }
}

#[tokio::test]
async fn a_file_that_another_person_sends_again_has_its_results() {
    let (url, requests) = gateway().await;
    let file = command(Again::SameRequest);
    for by in ["ann", "bob"] {
        let args = args(&["--by", by]);
        let (told, report) = sent(&sender(&url, &args), &file, &["A", "BAD", "C"]).await.unwrap();
        assert_eq!(told, ["2 A booked", "3 BAD refused", "4 C booked"]);
        assert_eq!(report.before.is_some(), by == "bob");
    }
    assert_eq!(requests.lock().unwrap().bodies.len(), 2);
}

#[tokio::test]
async fn rows_that_were_booked_before_a_rest_are_those_of_all_requests() {
    let (url, requests) = gateway().await;
    let own = args(&["--request-id", "DN-1", "--timeout", "0"]);
    let sender = sender(&url, &own);
    // The gateway takes no row of the second request, so there is none.
    sent(&sender, &command(Again::SameRows), &["A", "A", "BAD", "BAD", "C"]).await.unwrap();
    let booked = sender.booked_by("request DN-1.part3", "").await.unwrap();
    let booked: Vec<&str> = booked.iter().map(|(sku, ..)| &**sku).collect();
    assert_eq!(booked, ["A", "A", "C"]);
    let other = sender.booked_by("request DN-1.part3", "DN-1").await.unwrap_err();
    assert!(other.to_string().contains("expected rows of the delivery"), "{other}");
    let unknown = sender.booked_by("request DN-2", "").await.unwrap_err();
    assert!(hint(&unknown).contains("the whole file"), "{unknown}");
    requests.lock().unwrap().is_late = true;
    assert!(sender.booked_by("request DN-1", "").await.is_err(), "results that are not known yet");
}
