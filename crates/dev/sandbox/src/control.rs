//! The sandbox's own API over HTTP: counts, mail, and faults on demand. The crate's page lists the paths.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::error::SandboxError;
use crate::faults::{Faults, Target};
use crate::providers::Providers;
use crate::shippo::WebhookTarget;
use crate::stripe::EventTarget;

type Shared = State<Arc<Providers>>;

pub(crate) fn router(providers: Arc<Providers>) -> Router {
    Router::new()
        .route("/counts", get(counts))
        .route("/counts/{order}", get(order_counts))
        .route("/mail", get(list_mail))
        .route("/mail/count", get(count_mail))
        .route("/mail/{seq}", get(read_mail))
        .route("/faults", get(faults).put(set_faults))
        .route("/faults/next", post(set_target))
        .route("/webhooks", put(set_webhooks))
        .with_state(providers)
}

async fn counts(State(providers): Shared) -> Response {
    Json(providers.counts()).into_response()
}

async fn order_counts(State(providers): Shared, Path(order): Path<String>) -> Response {
    providers
        .order_counts(&order)
        .map_or_else(|error| unreadable(&error), |counts| Json(counts).into_response())
}

#[derive(Deserialize)]
#[serde(default)]
struct Range {
    after: u64,
    limit: u64,
}

impl Default for Range {
    fn default() -> Self {
        Self { after: 0, limit: 100 }
    }
}

async fn list_mail(State(providers): Shared, Query(range): Query<Range>) -> Response {
    match providers.mailbox.list(range.after, range.limit.min(10_000)) {
        Ok(mails) => {
            let next = range.after + mails.len() as u64;
            Json(json!({ "mails": mails, "next": next })).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

async fn count_mail(State(providers): Shared) -> Response {
    Json(providers.mailbox.totals()).into_response()
}

async fn read_mail(State(providers): Shared, Path(seq): Path<u64>) -> Response {
    match providers.mailbox.contents(seq) {
        Ok(Some(mail)) => ([(header::CONTENT_TYPE, "message/rfc822")], mail).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => unreadable(&error),
    }
}

async fn faults(State(providers): Shared) -> Response {
    Json(providers.injector.faults()).into_response()
}

async fn set_faults(State(providers): Shared, Json(faults): Json<Faults>) -> Response {
    no_content(providers.injector.set(faults))
}

async fn set_target(State(providers): Shared, Json(target): Json<Target>) -> Response {
    providers.injector.target(target);
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    gateway_url: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    stripe_secret: Option<String>,
}

async fn set_webhooks(State(providers): Shared, Json(webhooks): Json<Webhooks>) -> Response {
    no_content(webhooks.set(&providers))
}

impl Webhooks {
    fn set(&self, providers: &Providers) -> Result<(), SandboxError> {
        providers.shippo.set_webhook_target(WebhookTarget::new(&self.gateway_url, self.token.as_deref())?);
        if let Some(secret) = &self.stripe_secret {
            providers.stripe.set_event_target(EventTarget::new(&self.gateway_url, secret)?);
        }
        Ok(())
    }
}

fn no_content(result: Result<(), SandboxError>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

fn unreadable(error: &io::Error) -> Response {
    tracing::error!(%error, "sandbox state read failed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
