//! Shippo's `track_updated` webhook (<https://docs.goshippo.com/docs/tracking/webhooks/>).

use serde_json::{Value, json};

use super::format::{iso, tracking_number};
use super::scan::Scan;
use super::service::Service;
use super::shipment::Shipment;
use super::transaction::Transaction;
use crate::digest;

/// Returns the webhook for `scan`. A scan has the same id and date however often it is reported.
pub(super) fn webhook(
    transaction: &Transaction,
    shipment: &Shipment,
    service: &Service,
    scan: Scan,
) -> Value {
    let status = |scan: Scan| {
        let (hours, place) = match scan {
            Scan::Transit => (1, &shipment.from),
            Scan::Delivered => (30, &shipment.to),
        };
        let id = digest::wide(&[b"scan", &transaction.id.to_le_bytes(), &[scan as u8]]);
        let date = iso(transaction.created_ms + hours * 3_600_000);
        json!({
            "object_created": date,
            "object_id": format!("{id:032x}"),
            "status": scan.status(),
            "status_details": scan.details(),
            "status_date": date,
            "substatus": null,
            "location": place.location(),
        })
    };
    let history: Vec<Value> =
        [Scan::Transit, Scan::Delivered].into_iter().filter(|past| *past <= scan).map(status).collect();
    json!({
        "event": "track_updated",
        "test": true,
        "data": {
            "carrier": service.carrier.to_ascii_lowercase(),
            "tracking_number": tracking_number(transaction.id, service),
            "address_from": shipment.from.location(),
            "address_to": shipment.to.location(),
            "eta": iso(transaction.created_ms + 30 * 3_600_000),
            "servicelevel": { "token": service.token, "name": service.name },
            "tracking_status": status(scan),
            "tracking_history": history,
            "transaction": format!("{:032x}", transaction.id),
            "metadata": transaction.metadata,
            "messages": [],
            "test": true,
        },
    })
}
