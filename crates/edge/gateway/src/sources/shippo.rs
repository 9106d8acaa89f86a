//! Shippo's `track_updated` webhook, parsed into a scan of a parcel.
//!
//! See <https://docs.goshippo.com/docs/tracking/webhooks/> for its shape.

use despatch_contracts::Emitted;
use despatch_contracts::shipment::{
    Scan, ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned,
};
use despatch_read_model::labels::TrackedParcel;
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::sources::fields::json::{self, Invalid, key, or_default, text};
use crate::sources::fields::placed_at;

#[derive(Deserialize)]
struct Webhook {
    #[serde(default, deserialize_with = "text")]
    event: String,
    data: Option<Tracked>,
    #[serde(default, deserialize_with = "or_default")]
    test: bool,
}

#[derive(Deserialize)]
struct Tracked {
    #[serde(default, deserialize_with = "text")]
    carrier: String,
    #[serde(default, deserialize_with = "text")]
    tracking_number: String,
    tracking_status: Option<Latest>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct Latest {
    status: Option<TrackingStatus>,
    #[serde(default, deserialize_with = "text")]
    status_date: String,
    #[serde(default, deserialize_with = "text")]
    status_details: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TrackingStatus {
    Unknown,
    PreTransit,
    Transit,
    Delivered,
    Returned,
    Failure,
}

/// A scan of a parcel.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanned {
    pub(crate) carrier: String,
    pub(crate) tracking_number: String,
    pub(crate) movement: Movement,
    /// Whether Shippo sends it to try the webhook, or of a label of its test mode.
    pub(crate) is_test: bool,
    /// The order that the label was bought for, by our own reference on it.
    pub(crate) order_id: Option<Uuid>,
    at: Option<Timestamp>,
    detail: String,
}

/// The movement of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    Despatched,
    Delivered,
    Failed,
    Returned,
}

impl Movement {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Movement::Despatched => "despatched",
            Movement::Delivered => "delivered",
            Movement::Failed => "failed",
            Movement::Returned => "returned",
        }
    }
}

/// Parses a scan. Returns `None` if the webhook reports no movement: it is another event, or the carrier has not seen
/// the parcel yet.
pub fn read(body: &[u8]) -> Result<Option<Scanned>, Invalid> {
    let webhook: Webhook = json::read(body)?;
    if webhook.event.is_empty() {
        return Err(Invalid::new("event", "is required"));
    }
    if webhook.event != "track_updated" {
        return Ok(None);
    }
    let tracked = json::required(webhook.data, || "data".into())?;
    let tracking_number = key(tracked.tracking_number, "data.tracking_number")?;
    let carrier = key(tracked.carrier, "data.carrier")?;
    let Some(latest) = tracked.tracking_status else { return Ok(None) };
    let movement = match latest.status {
        None | Some(TrackingStatus::Unknown | TrackingStatus::PreTransit) => return Ok(None),
        Some(TrackingStatus::Transit) => Movement::Despatched,
        Some(TrackingStatus::Delivered) => Movement::Delivered,
        Some(TrackingStatus::Failure) => Movement::Failed,
        Some(TrackingStatus::Returned) => Movement::Returned,
    };
    Ok(Some(Scanned {
        carrier,
        tracking_number,
        movement,
        is_test: webhook.test,
        order_id: reference(&tracked.metadata),
        at: placed_at::read(&latest.status_date, "data.tracking_status.status_date")?,
        detail: latest.status_details,
    }))
}

/// Returns the order in the label's reference, `<order id>/<parcel>`.
fn reference(metadata: &Value) -> Option<Uuid> {
    let (order_id, _) = metadata.as_str()?.split_once('/')?;
    Uuid::try_parse(order_id).ok()
}

impl Scanned {
    /// Returns the scan's event for the parcel's order.
    pub fn event(&self, parcel: &TrackedParcel) -> Emitted {
        let scan = Some(Scan {
            order_id: parcel.order_id.clone(),
            parcel: parcel.parcel,
            parcels: parcel.parcels,
            position: parcel.position,
            carrier: self.carrier.clone(),
            tracking_number: self.tracking_number.clone(),
            scanned_at: self.at,
            detail: self.detail.clone(),
        });
        match self.movement {
            Movement::Despatched => Emitted::from(&ShipmentDespatched { scan }),
            Movement::Delivered => Emitted::from(&ShipmentDelivered { scan }),
            Movement::Failed => Emitted::from(&ShipmentFailed { scan }),
            Movement::Returned => Emitted::from(&ShipmentReturned { scan }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn webhook(status: &str) -> Value {
        json!({
            "event": "track_updated",
            "test": true,
            "data": {
                "carrier": "usps",
                "tracking_number": "9205590164917312751089",
                "tracking_status": {
                    "status": status, "status_details": "Left with a neighbour", "status_date": "2026-03-01T10:00:00Z"
                },
                "metadata": "01920000-0000-7000-8000-000000000001/2",
            }
        })
    }

    fn scanned(webhook: &Value) -> Result<Option<Scanned>, Invalid> {
        read(webhook.to_string().as_bytes())
    }

    #[test]
    fn each_movement_is_its_own_event() {
        let parcel = TrackedParcel { order_id: "o-1".into(), parcel: 2, position: 2, parcels: 3 };
        for (status, event_type) in [
            ("TRANSIT", "shipment.despatched"),
            ("DELIVERED", "shipment.delivered"),
            ("FAILURE", "shipment.failed"),
            ("RETURNED", "shipment.returned"),
        ] {
            let scanned = scanned(&webhook(status)).unwrap().unwrap();
            let event = scanned.event(&parcel);
            assert_eq!((event.event_type, &*event.subject), (event_type, "order/o-1"));
            assert_eq!(scanned.order_id.unwrap().to_string(), "01920000-0000-7000-8000-000000000001");
        }
    }

    #[test]
    fn what_moves_no_parcel_is_nothing() {
        for status in ["PRE_TRANSIT", "UNKNOWN"] {
            assert_eq!(scanned(&webhook(status)), Ok(None), "{status}");
        }
        assert_eq!(scanned(&json!({"event": "transaction_created"})), Ok(None));
        let mut untracked = webhook("TRANSIT");
        untracked["data"]["tracking_status"] = json!({"status": null, "status_date": null});
        assert_eq!(scanned(&untracked), Ok(None));
        untracked["data"]["tracking_status"] = Value::Null;
        assert_eq!(scanned(&untracked), Ok(None));
    }

    #[test]
    fn foreign_references_name_no_order() {
        for metadata in [Value::Null, json!(7), json!({}), json!("Order 1001"), json!("1001/2")] {
            let mut webhook = webhook("TRANSIT");
            webhook["data"]["metadata"] = metadata;
            assert_eq!(scanned(&webhook).unwrap().unwrap().order_id, None);
        }
    }
}
