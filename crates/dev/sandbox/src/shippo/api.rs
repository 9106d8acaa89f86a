//! Shippo's endpoints: authentication, the faults of each operation, then the state.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::Notify;

use super::answer::{Answer, invalid, not_found, parse, write_failed};
use super::metadata::order_of;
use super::scan::Course;
use super::shipment;
use super::state::ShippoState;
use super::transaction::{self, Page};
use super::webhook_target::WebhookTarget;
use crate::counts::OrderCounter;
use crate::error::SandboxError;
use crate::fault_injector::FaultInjector;
use crate::faults::Fault;
use crate::operation::Operation;
use crate::options::TrackingPace;
use crate::serve;

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 256 * 1024;

pub(crate) struct Shippo {
    state: Mutex<ShippoState>,
    injector: Arc<FaultInjector>,
    /// Wakes the webhook sender: a label was bought, or the target changed.
    pub(super) wake: Notify,
    webhook_target: Mutex<Option<WebhookTarget>>,
    /// The base URL of labels; known once the port is.
    base_url: OnceLock<String>,
}

impl Shippo {
    pub(crate) fn open(
        dir: Option<&FilePath>,
        seed: u64,
        pace: TrackingPace,
        injector: Arc<FaultInjector>,
    ) -> Result<Arc<Self>, SandboxError> {
        Ok(Arc::new(Self {
            state: Mutex::new(ShippoState::open(dir, seed, pace)?),
            injector,
            wake: Notify::new(),
            webhook_target: Mutex::new(None),
            base_url: OnceLock::new(),
        }))
    }

    /// Returns the API's router, whose label links lead to `base_url`.
    pub(crate) fn router(self: Arc<Self>, base_url: String) -> Router {
        // There is one router. The links of a second one would lead to the first.
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

    pub(super) fn state(&self) -> MutexGuard<'_, ShippoState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    /// Sends tracking webhooks to `target` from now on, waiting ones included.
    pub(crate) fn set_webhook_target(&self, target: WebhookTarget) {
        *self.webhook_target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        self.wake.notify_one();
    }

    pub(super) fn webhook_target(&self) -> Option<WebhookTarget> {
        self.webhook_target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds the labels to each order's counts.
    pub(crate) fn count(&self, counter: &mut OrderCounter) {
        self.state().count(counter);
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
        let fault = self.injector.next_fault(operation, metadata, order_of(metadata).0);
        let failure = |status, text| (status, Json(json!({ "detail": text }))).into_response();
        match fault {
            Some(Fault::RateLimited) => {
                let throttled = failure(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.");
                return ([(header::RETRY_AFTER, "1")], throttled).into_response();
            }
            Some(Fault::Refused) => return failure(StatusCode::UNAUTHORIZED, "Token does not exist"),
            Some(Fault::Outage) => {
                return failure(StatusCode::SERVICE_UNAVAILABLE, "The service is unavailable.");
            }
            Some(Fault::ServerError) => {
                return failure(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.");
            }
            Some(Fault::Slow) => tokio::time::sleep(self.injector.slow()).await,
            Some(Fault::Decline | Fault::Timeout | Fault::Duplicate | Fault::OutOfOrder) | None => {}
        }
        let (status, body) = match run(fault == Some(Fault::Decline)) {
            Ok(answer) | Err(answer) => answer,
        };
        if fault == Some(Fault::Timeout) {
            tokio::time::sleep(self.injector.withhold()).await;
            return serve::withheld();
        }
        (status, Json(body)).into_response()
    }
}

fn authorised(headers: &HeaderMap) -> Result<(), Answer> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let refuse = |detail| Err((StatusCode::UNAUTHORIZED, json!({ "detail": detail })));
    match value.and_then(|value| value.strip_prefix("ShippoToken ")) {
        Some(token) if token.starts_with("shippo_test_") => Ok(()),
        Some(token) if token.trim().is_empty() => refuse("Invalid token header. No credentials provided."),
        Some(_) => refuse("Invalid token"),
        None => refuse("Authentication credentials were not provided."),
    }
}

type Shared = State<Arc<Shippo>>;

async fn ship(State(shippo): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let request = parse::<shipment::Request>(&body);
    let metadata = request.as_ref().map(|request| request.metadata.clone()).unwrap_or_default();
    let run = |_| {
        let request = request?.check()?;
        let mut state = shippo.state();
        let shipment = state.ship(request).map_err(|error| write_failed(&error))?;
        Ok((StatusCode::CREATED, shipment.json()))
    };
    shippo.handle(&headers, Operation::Shipment, &metadata, run).await
}

async fn retrieve_rate(State(shippo): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let found = u128::from_str_radix(&id, 16).ok().and_then(|id| shippo.state().rate(id));
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
            shippo.injector.next_fault(Operation::Scan, &request.metadata, order_of(&request.metadata).0);
        let mut state = shippo.state();
        let at = state.buy(request, refused, Course::under(scans))?;
        let shown = state.transaction_json(at, shippo.base_url());
        drop(state);
        shippo.wake.notify_one();
        Ok((StatusCode::CREATED, shown))
    };
    shippo.handle(&headers, Operation::Label, &metadata, run).await
}

async fn retrieve(State(shippo): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let at = shippo.state().find(&id);
    let metadata = at.map(|at| shippo.state().metadata(at).to_owned()).unwrap_or_default();
    let run = |_| {
        let at = at.ok_or_else(not_found)?;
        let mut state = shippo.state();
        state.look(at);
        Ok((StatusCode::OK, state.transaction_json(at, shippo.base_url())))
    };
    shippo.handle(&headers, Operation::FindLabel, &metadata, run).await
}

async fn list(State(shippo): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let page = Page::parse(&query.unwrap_or_default());
    let rate = page.as_ref().ok().and_then(|page| shippo.state().rate(page.rate?));
    let metadata = rate.map(|(_, metadata)| metadata.to_string()).unwrap_or_default();
    let run = |_| Ok((StatusCode::OK, shippo.state().list(&page?, shippo.base_url())));
    shippo.handle(&headers, Operation::FindLabel, &metadata, run).await
}

async fn void(State(shippo): Shared, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let request = parse::<transaction::VoidRequest>(&body);
    let at = request.as_ref().ok().and_then(|request| shippo.state().find(&request.transaction));
    let metadata = at.map(|at| shippo.state().metadata(at).to_owned()).unwrap_or_default();
    let run = |_| {
        request?;
        let at =
            at.ok_or_else(|| invalid("transaction", "Transaction with supplied object_id not found."))?;
        Ok((StatusCode::CREATED, shippo.state().void(at)?))
    };
    shippo.handle(&headers, Operation::VoidLabel, &metadata, run).await
}

/// Serves a label. Like Shippo's signed links, a label's link needs no token.
async fn label_file(State(shippo): Shared, Path(file): Path<String>) -> Response<Body> {
    let rendered = file.split_once('.').and_then(|(id, ending)| {
        let state = shippo.state();
        let at = state.find(id)?;
        state.label(at).filter(|_| state.format(at).ending() == ending)
    });
    match rendered {
        Some((kind, bytes)) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn unknown(method: Method, headers: HeaderMap) -> Response<Body> {
    tracing::debug!(%method, "request for an unknown path");
    let (status, body) = match authorised(&headers) {
        Ok(()) => not_found(),
        Err(answer) => answer,
    };
    (status, Json(body)).into_response()
}
