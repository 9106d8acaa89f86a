//! `/webhooks/stripe`: Stripe's events about payments.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use despatch_contracts::Trace;
use uuid::Uuid;

use crate::http::description::{Invalid, TooLarge, Unauthorised, Unavailable};
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{Body, RequestTrace, header};
use crate::http::refusals;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::stripe;

/// Stripe's events
///
/// Refunds, disputes and reviews of payments that orders have. Other events, and events of other payments, are answered 200.
#[utoipa::path(
    post,
    path = "/webhooks/stripe",
    operation_id = "stripeEvent",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`, by a configured secret, within five minutes.")),
    request_body(content = Object, description = "Stripe's Event object.", content_type = "application/json"),
    responses(
        (status = 200, description = "The event is committed, or says nothing of an order's payment."),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthorised),
        (status = 413, response = TooLarge),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn stripe(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let received = match body {
        Ok(Body(body)) => receive(&gateway, &headers, &body, trace).await,
        Err(error) => Err(error),
    };
    // An account belongs to no shop.
    received.inspect_err(|error| refusals::note("stripe", None, "", error)).map(IntoResponse::into_response)
}

async fn receive(gateway: &Gateway, headers: &HeaderMap, body: &Bytes, trace: Trace) -> Result<(), ApiError> {
    let signature = header(headers, "stripe-signature");
    if !gateway.stripe_signers.signed(body, signature, gateway.storage.now()) {
        return Err(ApiError::Unauthorised(Credential::Signature));
    }
    let Some(event) = stripe::read(body)? else { return Ok(()) };
    // A payment that no order has claimed yet is looked at when one does.
    let claimed = gateway.read_model.order_of_payment(stripe::PROVIDER, &event.payment);
    let order_id = gateway.storage.read(claimed).await?;
    let Some(order_id) = order_id.filter(|id| Uuid::try_parse(id).is_ok()) else { return Ok(()) };
    gateway.storage.submit(Submission::Event(event.event(order_id)), trace).await.map(|_| ())
}
