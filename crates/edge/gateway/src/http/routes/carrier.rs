//! `/webhooks/shippo`: where parcels are, as their carriers scan them.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use despatch_contracts::Trace;
use url::form_urlencoded;

use crate::http::error::{Credential, Refusal};
use crate::http::extract::{Body, Traced};
use crate::http::state::Gateway;
use crate::ingest::queue::Entry;
use crate::sources::shippo::{self, Scanned};

/// `POST /webhooks/shippo?token=…`
pub(crate) async fn shippo(
    State(gateway): State<Gateway>,
    Traced(trace): Traced,
    RawQuery(query): RawQuery,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    if !token.is_some_and(|(_, token)| gateway.shippo_tokens.contain(&token)) {
        return Err(Refusal::Unauthorised(Credential::Token));
    }
    if let Some(scan) = shippo::read(&body)? {
        hand_in(&gateway, scan, body, trace).await?;
    }
    Ok(().into_response())
}

/// A parcel is ours when its label is recorded. A carrier may scan a label sooner than that, even long before when we
/// were down in between: then the order that the label says it is for is ours, and the carrier is asked to come again.
/// Any other parcel is not ours, and the scan is left to a person.
async fn hand_in(gateway: &Gateway, scan: Scanned, body: bytes::Bytes, trace: Trace) -> Result<(), Refusal> {
    let parcel = gateway.read(gateway.records.parcel(&scan.carrier, &scan.tracking_number)).await?;
    let entry = if let Some(parcel) = parcel {
        let event = scan.event(&parcel);
        Entry::Scan(scan, event)
    } else {
        if let Some(order_id) = scan.order_id
            && gateway.natural_key(order_id).await?.is_some()
        {
            return Err(Refusal::LabelNotRecorded);
        }
        Entry::Stray(scan, body)
    };
    gateway.desk.hand_in(entry, trace).await.map(|_| ())
}
