//! A gateway that records every webhook and answers as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// A recorded webhook: path with query, and body.
pub(crate) type Webhook = (String, Value);

type Noted = (UnboundedSender<Webhook>, Arc<Mutex<VecDeque<u16>>>);

pub(crate) struct Gateway {
    pub(crate) url: String,
    webhooks: UnboundedReceiver<Webhook>,
    _server: JoinSet<()>,
}

impl Gateway {
    /// Answers the first webhooks with `answers`, all others with 200.
    pub(crate) async fn open(answers: &[u16]) -> Self {
        let (sender, webhooks) = unbounded_channel();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/webhooks/shippo", post(note)).with_state((sender, answers));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, webhooks, _server: server }
    }

    pub(crate) async fn next(&mut self) -> Webhook {
        let next = tokio::time::timeout(Duration::from_secs(20), self.webhooks.recv());
        next.await.expect("no webhook came").unwrap()
    }

    /// The statuses of the next `count` webhooks.
    pub(crate) async fn statuses(&mut self, count: usize) -> Vec<String> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let (_, body) = self.next().await;
            statuses.push(body["data"]["tracking_status"]["status"].as_str().unwrap().to_owned());
        }
        statuses
    }

    pub(crate) fn is_quiet(&mut self) -> bool {
        self.webhooks.is_empty()
    }
}

async fn note(State((sender, answers)): State<Noted>, uri: Uri, Json(body): Json<Value>) -> StatusCode {
    let answer = answers.lock().unwrap().pop_front().unwrap_or(200);
    // The receiver is gone once its test has ended.
    drop(sender.send((uri.to_string(), body)));
    StatusCode::from_u16(answer).unwrap()
}
