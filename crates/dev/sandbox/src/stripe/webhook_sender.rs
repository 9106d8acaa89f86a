//! Posts events to the gateway, one after the other, each again until it is accepted. Events that wait are lost with the
//! process; Stripe keeps them for three days.

use std::sync::Arc;

use axum::http::header;

use super::api::Stripe;
use super::webhook::EventTarget;
use crate::serve::Stop;
use crate::time::now_ms;
use crate::webhooks::{self, Client, NotAccepted};

/// Sends events until it is stopped.
pub(crate) async fn send_events(stripe: Arc<Stripe>, mut stop: Stop) {
    let client = webhooks::client();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = stripe.events_wake.notified() => {}
        }
        while let (Some(target), Some(body)) = (stripe.event_target(), stripe.next_event()) {
            let mut tries = 0;
            while let Err(reason) = post(&client, &target, &body).await {
                tracing::debug!(%reason, tries, "event not accepted");
                tokio::select! {
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(webhooks::pause(tries)) => {}
                }
                tries += 1;
            }
        }
    }
}

async fn post(client: &Client, target: &EventTarget, body: &str) -> Result<(), NotAccepted> {
    let signature = target.signature(body, now_ms() / 1000);
    webhooks::post(client, target.uri(), body.to_owned(), |request| {
        request.header(header::USER_AGENT, "Stripe/1.0 (sandbox)").header("stripe-signature", signature)
    })
    .await
}
