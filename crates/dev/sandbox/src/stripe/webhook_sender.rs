//! Posts events to the gateway, one after the other, each again until it is accepted. Events that wait are lost with the
//! process; Stripe keeps them for three days.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::api::Stripe;
use super::webhook::EventTarget;
use crate::serve::Stop;
use crate::time::now_ms;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Sends events until it is stopped.
pub(crate) async fn send_events(stripe: Arc<Stripe>, mut stop: Stop) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = stripe.events_wake.notified() => {}
        }
        while let (Some(target), Some(body)) = (stripe.event_target(), stripe.next_event()) {
            let mut pause = FIRST_PAUSE;
            while !post(&client, &target, &body).await {
                tokio::select! {
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

/// Returns whether the gateway accepted the event.
async fn post(client: &Client<HttpConnector, Full<Bytes>>, target: &EventTarget, body: &str) -> bool {
    let request = Request::post(target.uri())
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, "Stripe/1.0 (sandbox)")
        .header("stripe-signature", target.signature(body, now_ms() / 1000))
        .body(Full::from(body.to_owned()));
    let Ok(request) = request else { return false };
    match tokio::time::timeout(ANSWER_TIMEOUT, client.request(request)).await {
        Ok(Ok(answer)) if answer.status().is_success() => true,
        Ok(Ok(answer)) => {
            tracing::debug!(status = %answer.status(), "event not accepted");
            false
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "event not accepted");
            false
        }
        Err(_) => false,
    }
}
