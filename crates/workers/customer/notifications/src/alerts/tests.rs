//! The client against a small server that answers as Slack's webhooks do.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode as Code;
use axum::routing::post;

use super::*;

type Posted = Arc<Mutex<Vec<Value>>>;

async fn webhook(
    State(posted): State<Posted>,
    Path(status): Path<u16>,
    axum::Json(body): axum::Json<Value>,
) -> (Code, [(&'static str, &'static str); 1]) {
    posted.lock().unwrap().push(body);
    (Code::from_u16(status).unwrap(), [("retry-after", "30")])
}

async fn open() -> (String, Posted) {
    let posted = Posted::default();
    let router = Router::new().route("/hook/{status}", post(webhook)).with_state(Arc::clone(&posted));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, posted)
}

fn alert() -> Alert {
    Alert {
        title: "payments: 12 <dead> & counting".into(),
        facts: vec![("Reason".into(), "card-declined".into())],
    }
}

#[tokio::test]
async fn an_alert_arrives_in_slacks_json() {
    let (url, posted) = open().await;
    let alerts = Alerts::new(&format!("{url}/200")).unwrap().expect("a webhook");
    alerts.post(&alert()).await.unwrap();
    let posted = posted.lock().unwrap();
    assert_eq!(posted[0]["text"], "payments: 12 &lt;dead&gt; &amp; counting");
    assert_eq!(posted[0]["blocks"][0]["text"]["text"], "payments: 12 <dead> & counting");
    assert_eq!(posted[0]["blocks"][1]["fields"][0]["text"], "*Reason*\ncard-declined");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (url, _posted) = open().await;
    for (status, expected) in [
        (429, "the alert webhook accepts no more alerts for 30s"),
        (404, "the alert webhook refused with 404"),
    ] {
        let alerts = Alerts::new(&format!("{url}/{status}")).unwrap().expect("a webhook");
        let error = alerts.post(&alert()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn no_webhook_means_no_alerts() {
    assert!(Alerts::new("").unwrap().is_none());
    assert!(matches!(Alerts::new("not a url"), Err(AlertError::Webhook)));
}

#[test]
fn slacks_limits_are_kept() {
    let long = Alert { title: "x".repeat(400), facts: vec![("Fact".into(), "<".repeat(3000)); 12] };
    let json = slack(&long);
    assert_eq!(json["blocks"][0]["text"]["text"].as_str().map(|text| text.chars().count()), Some(150));
    let fields = json["blocks"][1]["fields"].as_array().expect("fields");
    assert_eq!(fields.len(), 10);
    assert!(fields.iter().all(|field| field["text"].as_str().is_some_and(|text| text.len() <= 2000)));
}
