//! `/webhooks/shippo`: the carriers' scans of parcels.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use despatch_contracts::Trace;
use url::form_urlencoded;

use crate::http::description::{Invalid, LabelNotRecorded, TooLarge, Unauthorised, Unavailable};
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{Body, RequestTrace};
use crate::http::refusals;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::shippo::{self, Scanned};

/// Shippo's track_updated
#[utoipa::path(
    post,
    path = "/webhooks/shippo",
    operation_id = "shippoTrackUpdated",
    params(("token" = String, Query, description = "A configured token.")),
    request_body(content = Object, description = "Shippo's webhook envelope.", content_type = "application/json"),
    responses(
        (status = 200, description = "The scan is committed, or says nothing new."),
        (status = 400, response = Invalid),
        (status = 401, response = Unauthorised),
        (status = 409, response = LabelNotRecorded),
        (status = 413, response = TooLarge),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn shippo(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    RawQuery(query): RawQuery,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let received = match body {
        Ok(Body(body)) => receive(&gateway, query, body, trace).await,
        Err(error) => Err(error),
    };
    // A scan belongs to no shop.
    received.inspect_err(|error| refusals::note("shippo", None, "", error)).map(IntoResponse::into_response)
}

async fn receive(
    gateway: &Gateway,
    query: Option<String>,
    body: Bytes,
    trace: Trace,
) -> Result<(), ApiError> {
    let query = query.unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    if !token.is_some_and(|(_, token)| gateway.shippo_tokens.contain(&token)) {
        return Err(ApiError::Unauthorised(Credential::Token));
    }
    // Shippo's button that tries the webhook sends a scan of a label that nobody bought.
    if let Some(scan) = shippo::read(&body)?.filter(|scan| !scan.is_test || scan.order_id.is_some()) {
        submit(gateway, scan, body, trace).await?;
    }
    Ok(())
}

/// Commits a scan. A parcel is known once its label is recorded. A carrier may scan a label sooner, even long before,
/// if the workers were down in between. Then the label names a known order, and the carrier is asked to send the scan
/// again. Any other parcel is unknown, and its scan is left to a person.
async fn submit(gateway: &Gateway, scan: Scanned, body: Bytes, trace: Trace) -> Result<(), ApiError> {
    let parcel =
        gateway.storage.read(gateway.read_model.parcel(&scan.carrier, &scan.tracking_number)).await?;
    let submission = if let Some(parcel) = parcel {
        let event = scan.event(&parcel);
        Submission::Scan(scan, event)
    } else {
        if let Some(order_id) = scan.order_id
            && gateway.storage.natural_key(order_id).await?.is_some()
        {
            return Err(ApiError::LabelNotRecorded);
        }
        Submission::UnknownParcel(scan, body)
    };
    gateway.storage.submit(submission, trace).await.map(|_| ())
}
