//! Errors of inventory, with their verdicts.

use despatch_domain::Reason;
use despatch_routing::Shortage;
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::store::DeliveryLines;

/// Why inventory did not do what an event asks.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The event carries no order.
    #[error("expected an event with an order, found none")]
    OrderMissing,
    /// The command names no request.
    #[error("expected a request with an id, found none")]
    RequestMissing,
    /// The quantity of a line is less than 1.
    #[error("line {line}: expected at least 1 unit, found {quantity}")]
    QuantityInvalid {
        /// The line's number.
        line: u32,
        /// The quantity found.
        quantity: i64,
    },
    /// The order's lines cannot be reserved.
    #[error(transparent)]
    Shortage(#[from] Shortage),
    /// The payment came after the reservation had expired, and the units are gone.
    #[error("the reservation expired before the payment came: {0}")]
    Lapsed(Shortage),
    /// Units were taken between the read and the reservation. The runtime's locks keep reservations apart, so the cause
    /// is the confirmation of an expired reservation, or a change by hand.
    #[error("stock changed while it was being reserved")]
    Overtaken,
    /// The order has no such parcel, or no longer.
    #[error("expected a parcel of this order, found parcel {0}")]
    ParcelUnknown(u32),
    /// Parcels left before the change of their order came.
    #[error("the order changed after parcels {parcels:?} had left; {units} units in them were taken off")]
    Missed {
        /// Units in them that the order does not have any more.
        units: i64,
        /// The parcels' numbers.
        parcels: Vec<u32>,
    },
    /// A count found fewer units than orders hold, and took these from the order.
    #[error(
        "a count took {quantity} units of {sku} at {location} from this order; expected {quantity} available there, found {available}"
    )]
    CountBelowReserved {
        /// Units that the order lost.
        quantity: i64,
        /// Their SKU.
        sku: String,
        /// Where they should be.
        location: String,
        /// How many units nobody holds there.
        available: i64,
    },
    /// A count took units from a parcel that has left since.
    #[error("parcel {parcel} left after a count took {quantity} units of {sku} from it")]
    LeftWithout {
        /// The parcel's number.
        parcel: u32,
        /// Units that the count took.
        quantity: i64,
        /// Their SKU.
        sku: String,
    },
    /// A count took units from the order before its payment was captured, and they are not back yet.
    #[error("a count took units from this order, which are not back yet")]
    Withdrawn,
    /// A delivery brought something else than was announced.
    #[error("{delivery}{} differs from its announcement: {lines}", of(supplier))]
    ReceiptDiffers {
        /// The delivery's name.
        delivery: String,
        /// The supplier; may be empty.
        supplier: String,
        /// The rows that differ.
        lines: DeliveryLines,
    },
    /// A delivery is not here although its time and the grace have passed.
    #[error("{delivery}{} was due {due}, contact {}: {lines}", of(supplier), or_none(contact))]
    DeliveryOverdue {
        /// The delivery's name.
        delivery: String,
        /// The supplier; may be empty.
        supplier: String,
        /// The supplier's e-mail address; may be empty.
        contact: String,
        /// When it should have been here.
        due: jiff::Timestamp,
        /// The rows that have not arrived in full.
        lines: DeliveryLines,
    },
    /// The units of an article that can be sold last for fewer days than they should.
    #[error(
        "{sku} lasts for {days:.1} days, expected {threshold_days}: {available} units available, {per_day:.1} sold per day, \
         {expected} more announced"
    )]
    StockLow {
        /// The article.
        sku: String,
        /// Units that can be sold, over all locations.
        available: i64,
        /// Units sold per day.
        per_day: f64,
        /// For how many days they last, with what is expected in time.
        days: f64,
        /// For how many days they should last.
        threshold_days: i64,
        /// Units that open deliveries have still to bring.
        expected: i64,
    },
    /// The event names no due time.
    #[error("expected the due time of a delivery, found none")]
    DueMissing,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Returns the words for a supplier, if it is known.
fn of(supplier: &str) -> String {
    if supplier.is_empty() { String::new() } else { format!(" of {supplier}") }
}

fn or_none(contact: &str) -> &str {
    if contact.is_empty() { "none" } else { contact }
}

impl HandlerError for InventoryError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::OrderMissing | Self::RequestMissing | Self::DueMissing => {
                Verdict::Reject(Reason::PayloadUndecodable)
            }
            Self::QuantityInvalid { .. } => Verdict::Reject(Reason::QuantityInvalid),
            Self::Shortage(Shortage::Unknown(_)) => Verdict::Reject(Reason::SkuUnknown),
            Self::Shortage(Shortage::Short { .. } | Shortage::Apart) => Verdict::Reject(Reason::StockShort),
            Self::Lapsed(_) => Verdict::Reject(Reason::ReservationExpired),
            Self::CountBelowReserved { .. } | Self::LeftWithout { .. } => {
                Verdict::Reject(Reason::CountBelowReserved)
            }
            Self::ReceiptDiffers { .. } => Verdict::Reject(Reason::ReceiptDiffers),
            Self::DeliveryOverdue { .. } => Verdict::Reject(Reason::DeliveryOverdue),
            Self::StockLow { .. } => Verdict::Reject(Reason::StockLow),
            Self::Withdrawn => Verdict::NotYet,
            Self::Overtaken | Self::Database(_) => Verdict::Retry,
            Self::Missed { .. } => Verdict::Reject(Reason::OrderChanged),
            Self::ParcelUnknown(_) => Verdict::Reject(Reason::UnexpectedFact),
        }
    }
}
