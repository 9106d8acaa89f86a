//! What can go wrong with stock, and what is to happen then.

use despatch_domain::Reason;
use despatch_routing::Shortage;
use despatch_runtime::{DbError, HandlerError, Verdict};

/// Why inventory did not do what an event asks.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The event carries no order.
    #[error("the event carries no order")]
    OrderMissing,
    /// A line asks for no units, or for fewer.
    #[error("line {line} asks for {quantity} units")]
    QuantityInvalid {
        /// The line's number.
        line: u32,
        /// What it asks for.
        quantity: i64,
    },
    /// The order's lines cannot be reserved.
    #[error(transparent)]
    Shortage(#[from] Shortage),
    /// The payment came after the reservation had ended, and the units are gone.
    #[error("the reservation ended before the payment came: {0}")]
    Lapsed(Shortage),
    /// Units were taken between reading the stock and holding it. The runtime's locks keep reservations apart, so
    /// this is a confirmation of a lapsed reservation, or a change made by hand.
    #[error("stock changed while it was being reserved")]
    Overtaken,
    /// The carrier has a parcel that this order does not have, or no longer.
    #[error("parcel {0} is not a parcel of this order")]
    ParcelUnknown(u32),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for InventoryError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::OrderMissing => Verdict::Reject(Reason::PayloadUndecodable),
            Self::QuantityInvalid { .. } => Verdict::Reject(Reason::QuantityInvalid),
            Self::Shortage(Shortage::Unknown(_)) => Verdict::Reject(Reason::SkuUnknown),
            Self::Shortage(Shortage::Short { .. }) => Verdict::Reject(Reason::StockShort),
            Self::Lapsed(_) => Verdict::Reject(Reason::ReservationExpired),
            Self::Overtaken | Self::Database(_) => Verdict::Retry,
            Self::ParcelUnknown(_) => Verdict::Reject(Reason::UnexpectedFact),
        }
    }
}
