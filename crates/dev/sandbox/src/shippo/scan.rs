//! What a carrier reports of a parcel, in the envelope of Shippo's `track_updated` webhook
//! (<https://docs.goshippo.com/docs/tracking/webhooks/>).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{book::iso, service::Service, shipment::Shipment, transaction::Transaction};
use crate::{Fault, digest};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scan {
    Transit,
    Delivered,
}

impl Scan {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Transit => "TRANSIT",
            Self::Delivered => "DELIVERED",
        }
    }

    fn details(self) -> &'static str {
        match self {
            Self::Transit => "Your parcel has left the facility.",
            Self::Delivered => "Your parcel has been delivered.",
        }
    }
}

/// The order in which a label's scans are reported. Chosen at purchase, so that a restart keeps to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Course {
    Plain,
    Twice,
    Backwards,
}

impl Course {
    /// The course that a fault brings about.
    pub(super) fn under(fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::Duplicate) => Self::Twice,
            Some(Fault::OutOfOrder) => Self::Backwards,
            _ => Self::Plain,
        }
    }

    pub(super) fn scans(self) -> &'static [Scan] {
        match self {
            Self::Plain => &[Scan::Transit, Scan::Delivered],
            Self::Twice => &[Scan::Transit, Scan::Transit, Scan::Delivered, Scan::Delivered],
            Self::Backwards => &[Scan::Delivered, Scan::Transit],
        }
    }
}

/// The webhook for `scan`. A scan has the same id and date however often it is reported.
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
            "tracking_number": super::book::tracking_number(transaction.id, service),
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
