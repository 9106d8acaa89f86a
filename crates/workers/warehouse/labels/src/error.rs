//! Errors of creating labels, with their verdicts.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_routing::Level;
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::own_labels::Unprintable;
use crate::shippo::ShippoError;

/// Why a parcel has no label.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The event lacks a required part.
    #[error("event: expected {0}, found none")]
    Incomplete(&'static str),
    /// The order has no address.
    #[error("order: expected an address, found none")]
    NoAddress,
    /// No rule matches the parcel, or the carriers offer nothing that a rule allows.
    #[error("no rule has a service for {level} to {country}; the carriers offered {rates} rates")]
    NoService {
        /// The order's service level.
        level: Level,
        /// The country of destination.
        country: String,
        /// Number of rates that the carriers offered; 0 if no rule asked them.
        rates: usize,
    },
    /// An earlier try may still take effect at the carrier.
    #[error("an earlier request may still take effect; the next try looks for its label in {0:?}")]
    Unsettled(Duration),
    /// The parcel got a label meanwhile, or another parcel has this tracking number.
    #[error("the parcel or the tracking number {0} has a label already")]
    AlreadyLabelled(String),
    /// Shippo failed or refused.
    #[error(transparent)]
    Shippo(#[from] ShippoError),
    /// The label cannot be printed.
    #[error(transparent)]
    Unprintable(#[from] Unprintable),
}

impl HandlerError for CreateError {
    fn verdict(&self) -> Verdict {
        match self {
            // The next try finds an existing label. A tracking number of another parcel stays refused, and becomes a
            // case when the attempts are used up.
            CreateError::Database(_) | CreateError::AlreadyLabelled(_) => Verdict::Retry,
            CreateError::Incomplete(_) => Verdict::Reject(Reason::PayloadUndecodable),
            CreateError::NoAddress => Verdict::Reject(Reason::AddressMissing),
            CreateError::NoService { .. } => Verdict::Reject(Reason::ServiceUnavailable),
            CreateError::Unsettled(wait) => Verdict::Defer(*wait),
            CreateError::Shippo(error) => error.verdict(),
            CreateError::Unprintable(Unprintable::Barcode(_)) => Verdict::Reject(Reason::CarrierRejected),
            CreateError::Unprintable(Unprintable::Address(_)) => {
                Verdict::Reject(Reason::AddressUndeliverable)
            }
        }
    }
}
