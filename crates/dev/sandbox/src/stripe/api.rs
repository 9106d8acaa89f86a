//! Stripe's endpoints: authentication, idempotency keys, the faults of each operation, then the state.

use std::collections::VecDeque;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::{MethodRouter, get, post};
use serde_json::json;
use tokio::sync::Notify;

use super::answer::Answer;
use super::command::Command;
use super::form::Form;
use super::keys::{Admission, Ticket};
use super::refusal::Refusal;
use super::search::{self, Search};
use super::state::StripeState;
use super::webhook::{Event, EventTarget};
use crate::counts::OrderCounter;
use crate::error::SandboxError;
use crate::fault_injector::FaultInjector;
use crate::faults::Fault;
use crate::operation::Operation;
use crate::time::now_ms;
use crate::{digest, serve};

/// The largest request body, in bytes. Real requests are a few hundred.
const BODY_LIMIT: usize = 64 * 1024;

pub(crate) struct Stripe {
    state: Mutex<StripeState>,
    injector: Arc<FaultInjector>,
    seed: u64,
    requests: AtomicU64,
    event_target: Mutex<Option<EventTarget>>,
    /// Events that wait for the gateway, as bodies. None are kept without a target.
    waiting: Mutex<VecDeque<String>>,
    /// Wakes the sender of events.
    pub(super) events_wake: Notify,
}

impl Stripe {
    pub(crate) fn open(
        dir: Option<&FilePath>,
        seed: u64,
        key_window: Duration,
        injector: Arc<FaultInjector>,
    ) -> Result<Arc<Self>, SandboxError> {
        let state = Mutex::new(StripeState::open(dir, seed, key_window)?);
        Ok(Arc::new(Self {
            state,
            injector,
            seed,
            requests: AtomicU64::new(0),
            event_target: Mutex::new(None),
            waiting: Mutex::new(VecDeque::new()),
            events_wake: Notify::new(),
        }))
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/v1/payment_intents", post(create).get(list))
            .route("/v1/payment_intents/search", get(search_intents))
            .route("/v1/payment_intents/{id}", get(retrieve))
            .route("/v1/payment_intents/{id}/capture", act(Command::capture))
            .route("/v1/payment_intents/{id}/cancel", act(Command::cancel))
            .route("/v1/balance", get(balance))
            .route("/v1/refunds", post(refund_charge).get(list_refunds))
            .route("/v1/reviews/{id}", get(retrieve_review))
            .route("/v1/reviews/{id}/approve", act(Command::approve))
            .route("/v1/disputes", get(list_disputes))
            .route("/v1/disputes/{id}", act(Command::answer_dispute).get(retrieve_dispute))
            .route("/v1/disputes/{id}/close", act(Command::answer_dispute))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .layer(axum::extract::DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    /// Sends events from now on.
    pub(crate) fn set_event_target(&self, target: EventTarget) {
        *lock(&self.event_target) = Some(target);
    }

    pub(super) fn event_target(&self) -> Option<EventTarget> {
        lock(&self.event_target).clone()
    }

    pub(super) fn next_event(&self) -> Option<String> {
        lock(&self.waiting).pop_front()
    }

    /// Queues the events of what was just done.
    fn queue_events(&self, events: &[Event]) {
        if events.is_empty() || self.event_target().is_none() {
            return;
        }
        let now = now_ms() / 1000;
        let bodies = events.iter().map(|event| {
            let serial = self.requests.fetch_add(1, Ordering::Relaxed);
            let id = digest::base62(&[b"evt", &self.seed.to_le_bytes(), &serial.to_le_bytes()], 24);
            event.json(&format!("evt_{id}"), now).to_string()
        });
        lock(&self.waiting).extend(bodies);
        self.events_wake.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, StripeState> {
        lock(&self.state)
    }

    /// Adds Stripe's effects to each order's counts.
    pub(crate) fn count(&self, counter: &mut OrderCounter) {
        self.state().count(counter);
    }

    /// Runs a request that may have an effect.
    async fn perform(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        parse: impl FnOnce(&Form) -> Result<Command, Refusal>,
    ) -> Response<Body> {
        let form = authorised(headers).and_then(|()| Form::parse(body));
        let parsed = form.and_then(|form| Ok((parse(&form)?, form.fingerprint(uri.path()))));
        let (command, fingerprint) = match parsed {
            Ok(parsed) => parsed,
            Err(refusal) => return self.respond(&refusal.into(), headers),
        };
        let order = self.state().order_of(&command);
        let fault = self.injector.next_fault(command.operation(), &order, &order);
        if let Some(refusal) = fault.and_then(Refusal::unread) {
            return self.respond(&refusal.into(), headers);
        }
        let ticket = match self.admit(headers, fingerprint) {
            Ok(Admitted::Run(ticket)) => ticket,
            Ok(Admitted::Replay(answer)) => return self.finish(answer, fault, headers).await,
            Err(refusal) => return self.respond(&refusal.into(), headers),
        };
        if fault == Some(Fault::Slow) {
            tokio::time::sleep(self.injector.slow()).await;
        }
        let (answer, events) = {
            let mut state = self.state();
            let answer = state.run(&command, fault, ticket.as_ref().map(|reserved| &reserved.ticket));
            (answer, state.take_events())
        };
        self.queue_events(&events);
        // The state has turned the reservation into a record, or nothing was written and the key is free again.
        drop(ticket);
        self.finish(answer, fault, headers).await
    }

    /// Reserves the request's idempotency key, if it has one.
    fn admit(&self, headers: &HeaderMap, fingerprint: u64) -> Result<Admitted<'_>, Refusal> {
        let Some(key) = headers.get("idempotency-key") else { return Ok(Admitted::Run(None)) };
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 255);
        let key = key.ok_or_else(Refusal::bad_key)?;
        let mut state = self.state();
        match state.keys.admit(key, fingerprint) {
            Admission::Fresh(ticket) => {
                drop(state);
                Ok(Admitted::Run(Some(Reserved { stripe: self, ticket })))
            }
            Admission::InFlight => Err(Refusal::key_in_use(key)),
            Admission::OtherParameters => Err(Refusal::key_reused(key)),
            Admission::Answered(span) => Ok(Admitted::Replay(state.recall(span))),
        }
    }

    /// Sends the answer, or withholds it.
    async fn finish(&self, answer: Answer, fault: Option<Fault>, headers: &HeaderMap) -> Response<Body> {
        if fault == Some(Fault::Timeout) {
            tokio::time::sleep(self.injector.withhold()).await;
            return serve::withheld();
        }
        self.respond(&answer, headers)
    }

    /// Runs a request that only reads. `entity` is the order or other thing that it asks about.
    async fn read(
        &self,
        headers: &HeaderMap,
        entity: &str,
        query: impl FnOnce(&StripeState) -> Result<serde_json::Value, Refusal>,
    ) -> Response<Body> {
        if let Err(refusal) = authorised(headers) {
            return self.respond(&refusal.into(), headers);
        }
        let fault = self.injector.next_fault(Operation::FindPayment, entity, entity);
        if let Some(refusal) = fault.and_then(Refusal::unread) {
            return self.respond(&refusal.into(), headers);
        }
        match fault {
            Some(Fault::ServerError) => return self.respond(&Refusal::server_error().into(), headers),
            Some(Fault::Slow) => tokio::time::sleep(self.injector.slow()).await,
            Some(
                Fault::Timeout
                | Fault::Decline
                | Fault::RateLimited
                | Fault::Refused
                | Fault::Outage
                | Fault::Duplicate
                | Fault::OutOfOrder,
            )
            | None => {}
        }
        let answer = Answer::from(query(&self.state()));
        self.finish(answer, fault, headers).await
    }

    fn respond(&self, answer: &Answer, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::from(answer.body.clone()));
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let serial = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = digest::base62(&[b"req", &self.seed.to_le_bytes(), &serial.to_le_bytes()], 14);
        if let Ok(id) = HeaderValue::from_str(&format!("req_{id}")) {
            headers.insert(HeaderName::from_static("request-id"), id);
        }
        if let Some(key) = request.get("idempotency-key") {
            headers.insert(HeaderName::from_static("idempotency-key"), key.clone());
        }
        if answer.replayed {
            headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
        }
        response
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Admitted<'a> {
    Run(Option<Reserved<'a>>),
    Replay(Answer),
}

/// A key in flight. If the client hangs up while its request waits, the key is released.
struct Reserved<'a> {
    stripe: &'a Stripe,
    ticket: Ticket,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.stripe.state().keys.release(&self.ticket);
    }
}

fn authorised(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Err(Refusal::no_api_key()) };
    let key = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    match key {
        Some(key) if key.starts_with("sk_test_") => Ok(()),
        Some(_) | None => Err(Refusal::bad_api_key()),
    }
}

type Shared = State<Arc<Stripe>>;

async fn create(State(stripe): Shared, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    stripe.perform(&uri, &headers, &body, Command::create).await
}

/// Serves a request with an effect on the object that the path names.
fn act(command: fn(String, &Form) -> Result<Command, Refusal>) -> MethodRouter<Arc<Stripe>> {
    let perform = async move |State(stripe): Shared,
                              Path(id): Path<String>,
                              uri: Uri,
                              headers: HeaderMap,
                              body: Bytes| {
        stripe.perform(&uri, &headers, &body, |form| command(id, form)).await
    };
    post(perform)
}

async fn refund_charge(State(stripe): Shared, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    stripe.perform(&uri, &headers, &body, Command::refund).await
}

async fn list_refunds(
    State(stripe): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let intent = form.as_ref().ok().and_then(|form| form.get("payment_intent")).unwrap_or_default();
    let order = stripe.state().order_of_intent(intent);
    stripe.read(&headers, &order, |state| search::refunds(state, &form?)).await
}

async fn retrieve(State(stripe): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let order = stripe.state().order_of_intent(&id);
    stripe.read(&headers, &order, |state| Ok(state.intent(&id)?.json())).await
}

async fn retrieve_review(
    State(stripe): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    stripe.read(&headers, &id, |state| state.review(&id)).await
}

async fn list_disputes(
    State(stripe): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    stripe.read(&headers, &query, |state| search::disputes(state, &Form::parse(query.as_bytes())?)).await
}

async fn retrieve_dispute(
    State(stripe): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    stripe.read(&headers, &id, |state| Ok(state.dispute(&id)?.json())).await
}

async fn list(State(stripe): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let query = query.unwrap_or_default();
    stripe.read(&headers, &query, |state| search::list(state, &Form::parse(query.as_bytes())?)).await
}

/// The account's balance, which the sandbox does not keep. Clients ask for it to learn whether their key is good.
async fn balance(State(stripe): Shared, headers: HeaderMap) -> Response<Body> {
    let empty = json!({ "object": "balance", "available": [], "pending": [], "livemode": false });
    stripe.read(&headers, "", |_| Ok(empty)).await
}

async fn search_intents(
    State(stripe): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let search = Form::parse(query.unwrap_or_default().as_bytes()).and_then(|form| Search::parse(&form));
    let entity = search.as_ref().ok().and_then(Search::order).unwrap_or_default().to_owned();
    stripe.read(&headers, &entity, |state| Ok(search?.run(state))).await
}

async fn unknown(
    State(stripe): Shared,
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let refusal = match authorised(&headers) {
        Ok(()) => Refusal::no_such_url(method.as_str(), uri.path()),
        Err(refusal) => refusal,
    };
    stripe.respond(&refusal.into(), &headers)
}
