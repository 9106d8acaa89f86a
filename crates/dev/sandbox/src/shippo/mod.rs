//! Shippo's wire: shipments with rates, transactions (labels), refunds, and tracking webhooks.
//!
//! There is no idempotency: two purchases of one rate are two labels, as at the real provider
//! (<https://docs.goshippo.com/shippoapi/public-api/>). Left out: asynchronous creation, customs, addresses and
//! parcels by reference, and more than one parcel to a shipment.

mod address;
mod book;
mod courier;
mod label;
mod pdf;
mod scan;
mod service;
mod shipment;
mod transaction;

use std::{
    path::Path as FilePath,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    response::IntoResponse as _,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{Fault, Operation, SandboxError, TrackingPace, counts::Tally, dice::Dice, serve};
use book::Book;
pub(crate) use courier::{Target as WebhookTarget, run as deliver};

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 256 * 1024;

pub(crate) struct Shippo {
    book: Mutex<Book>,
    dice: Arc<Dice>,
    /// Wakes the courier: a label was bought, or the webhooks' target changed.
    wake: Notify,
    target: Mutex<Option<WebhookTarget>>,
    /// Where labels are served; known once the port is.
    base_url: OnceLock<String>,
}

/// A status and Shippo's JSON for it.
type Answer = (StatusCode, Value);

impl Shippo {
    pub(crate) fn open(
        dir: Option<&FilePath>,
        seed: u64,
        pace: TrackingPace,
        dice: Arc<Dice>,
    ) -> Result<Arc<Self>, SandboxError> {
        Ok(Arc::new(Self {
            book: Mutex::new(Book::open(dir, seed, pace)?),
            dice,
            wake: Notify::new(),
            target: Mutex::new(None),
            base_url: OnceLock::new(),
        }))
    }

    /// The API, whose label links lead to `base_url`.
    pub(crate) fn router(self: Arc<Self>, base_url: String) -> Router {
        // A second router on the same book would be a mistake of ours; its links would still lead to the first.
        drop(self.base_url.set(base_url));
        let transactions = post(buy).get(list);
        Router::new()
            .route("/shipments", post(ship))
            .route("/shipments/", post(ship))
            .route("/rates/{id}", get(retrieve_rate))
            .route("/rates/{id}/", get(retrieve_rate))
            .route("/transactions", transactions.clone())
            .route("/transactions/", transactions)
            .route("/transactions/{id}", get(retrieve))
            .route("/transactions/{id}/", get(retrieve))
            .route("/refunds", post(void))
            .route("/refunds/", post(void))
            .route("/labels/{file}", get(label_file))
            .fallback(unknown)
            .layer(axum::extract::DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    /// Sends tracking webhooks to `target` from now on, those that wait included.
    pub(crate) fn set_target(&self, target: WebhookTarget) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        self.wake.notify_one();
    }

    fn target(&self) -> Option<WebhookTarget> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds the labels to each order's counts.
    pub(crate) fn count(&self, tally: &mut Tally) {
        self.book().count(tally);
    }

    /// Runs one request: authentication, the faults of its operation, then `run`.
    async fn handle(
        &self,
        headers: &HeaderMap,
        operation: Operation,
        metadata: &str,
        run: impl FnOnce(bool) -> Result<Answer, Answer>,
    ) -> Response<Body> {
        if let Err((status, body)) = authorised(headers) {
            return (status, Json(body)).into_response();
        }
        let fault = self.dice.roll(operation, metadata, transaction::order_of(metadata).0);
        let failure = |status, text| (status, Json(json!({ "detail": text }))).into_response();
        match fault {
            Some(Fault::RateLimited) => {
                let throttled = failure(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.");
                return ([(header::RETRY_AFTER, "1")], throttled).into_response();
            }
            Some(Fault::ServerError) => {
                return failure(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.");
            }
            Some(Fault::Slow) => tokio::time::sleep(self.dice.slow()).await,
            Some(Fault::Decline | Fault::Timeout | Fault::Duplicate | Fault::OutOfOrder) | None => {}
        }
        let (status, body) = match run(fault == Some(Fault::Decline)) {
            Ok(answer) | Err(answer) => answer,
        };
        if fault == Some(Fault::Timeout) {
            tokio::time::sleep(self.dice.withhold()).await;
            return serve::withheld();
        }
        (status, Json(body)).into_response()
    }
}

/// A 400 in Shippo's shape: what is wrong, by field.
fn invalid(field: &str, message: &str) -> Answer {
    (StatusCode::BAD_REQUEST, json!({ field: [message] }))
}

fn not_found() -> Answer {
    (StatusCode::NOT_FOUND, json!({ "detail": "Not found." }))
}

fn write_failed(error: &std::io::Error) -> Answer {
    tracing::error!(%error, "the sandbox cannot write its state");
    (StatusCode::INTERNAL_SERVER_ERROR, json!({ "detail": "A server error occurred." }))
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    // serde would read a list as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("__all__", "Invalid data. Expected a dictionary."));
    }
    serde_json::from_slice(body).map_err(|error| invalid("__all__", &format!("JSON parse error: {error}")))
}

fn authorised(headers: &HeaderMap) -> Result<(), Answer> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let refuse = |detail| Err((StatusCode::UNAUTHORIZED, json!({ "detail": detail })));
    match value.and_then(|value| value.strip_prefix("ShippoToken ")) {
        Some(token) if !token.trim().is_empty() => Ok(()),
        Some(_) => refuse("Invalid token header. No credentials provided."),
        None => refuse("Authentication credentials were not provided."),
    }
}

type Shared = State<Arc<Shippo>>;

async fn ship(State(shippo): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let request = parse::<shipment::Request>(&body);
    let metadata = request.as_ref().map(|request| request.metadata.clone()).unwrap_or_default();
    let run = |_| {
        let request = request?.check()?;
        let mut book = shippo.book();
        let shipment = book.ship(request).map_err(|error| write_failed(&error))?;
        Ok((StatusCode::CREATED, shipment.json()))
    };
    shippo.handle(&headers, Operation::Shipment, &metadata, run).await
}

async fn retrieve_rate(State(shippo): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let found = u128::from_str_radix(&id, 16).ok().and_then(|id| shippo.book().rate(id));
    let metadata = found.as_ref().map(|(_, metadata)| metadata.to_string()).unwrap_or_default();
    let run = |_| Ok((StatusCode::OK, found.ok_or_else(not_found)?.0));
    shippo.handle(&headers, Operation::Shipment, &metadata, run).await
}

async fn buy(State(shippo): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let request = parse::<transaction::Request>(&body);
    let metadata = request.as_ref().map(|request| request.metadata.clone()).unwrap_or_default();
    let run = |refused| {
        let request = request?.check()?;
        let scans =
            shippo.dice.roll(Operation::Scan, &request.metadata, transaction::order_of(&request.metadata).0);
        let mut book = shippo.book();
        let at = book.buy(request, refused, scan::Course::under(scans))?;
        let shown = book.transaction_json(at, shippo.base_url());
        drop(book);
        shippo.wake.notify_one();
        Ok((StatusCode::CREATED, shown))
    };
    shippo.handle(&headers, Operation::Label, &metadata, run).await
}

async fn retrieve(State(shippo): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let at = shippo.book().find(&id);
    let metadata = at.map(|at| shippo.book().metadata(at).to_owned()).unwrap_or_default();
    let run = |_| {
        let at = at.ok_or_else(not_found)?;
        Ok((StatusCode::OK, shippo.book().transaction_json(at, shippo.base_url())))
    };
    shippo.handle(&headers, Operation::FindLabel, &metadata, run).await
}

async fn list(State(shippo): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let page = transaction::Page::parse(&query.unwrap_or_default());
    let rate = page.as_ref().ok().and_then(|page| shippo.book().rate(page.rate?));
    let metadata = rate.map(|(_, metadata)| metadata.to_string()).unwrap_or_default();
    let run = |_| Ok((StatusCode::OK, shippo.book().list(&page?, shippo.base_url())));
    shippo.handle(&headers, Operation::FindLabel, &metadata, run).await
}

async fn void(State(shippo): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let request = parse::<transaction::VoidRequest>(&body);
    let at = request.as_ref().ok().and_then(|request| shippo.book().find(&request.transaction));
    let metadata = at.map(|at| shippo.book().metadata(at).to_owned()).unwrap_or_default();
    let run = |_| {
        request?;
        let at =
            at.ok_or_else(|| invalid("transaction", "Transaction with supplied object_id not found."))?;
        Ok((StatusCode::CREATED, shippo.book().void(at)?))
    };
    shippo.handle(&headers, Operation::VoidLabel, &metadata, run).await
}

/// Like Shippo's signed links, a label's link needs no token.
async fn label_file(State(shippo): Shared, Path(file): Path<String>) -> Response<Body> {
    let rendered = file.split_once('.').and_then(|(id, ending)| {
        let book = shippo.book();
        let at = book.find(id)?;
        book.label(at).filter(|_| book.format(at).ending() == ending)
    });
    match rendered {
        Some((kind, bytes)) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn unknown(method: Method, headers: HeaderMap) -> Response<Body> {
    tracing::debug!(%method, "a request for something Shippo's sandbox does not have");
    let (status, body) = match authorised(&headers) {
        Ok(()) => not_found(),
        Err(answer) => answer,
    };
    (status, Json(body)).into_response()
}
