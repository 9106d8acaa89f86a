//! Errors of creating labels, with their verdicts.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_routing::{Level, NoCarton, Package};
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
    #[error(
        "no rule has a service for {level} to {country} for {package}; the carriers offered {rates} rates"
    )]
    NoService {
        /// The order's service level.
        level: Level,
        /// The country of destination.
        country: String,
        /// Number of rates that the carriers offered; 0 if no rule asked them.
        rates: usize,
        /// The parcel.
        package: Package,
    },
    /// The parcel fits in no carton.
    #[error(transparent)]
    NoCarton(#[from] NoCarton),
    /// Shippo or the carrier refused this parcel.
    #[error("{error}, for {package}")]
    Refused {
        /// The refusal.
        error: ShippoError,
        /// The parcel.
        package: Package,
    },
    /// The note of a purchase that was begun is not ours.
    #[error("effects ledger: expected a purchase that was begun, found {0:?}")]
    NoteUnreadable(String),
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

impl CreateError {
    /// Adds the parcel's weight and sides to a refusal, which is often about these.
    pub(crate) fn of_parcel(error: ShippoError, package: &Package) -> Self {
        if error.is_refusal() {
            CreateError::Refused { error, package: package.clone() }
        } else {
            CreateError::Shippo(error)
        }
    }
}

impl HandlerError for CreateError {
    fn verdict(&self) -> Verdict {
        match self {
            // The next try finds an existing label. A tracking number of another parcel stays refused, and becomes a
            // case when the attempts are used up.
            CreateError::Database(_) | CreateError::AlreadyLabelled(_) => Verdict::Retry,
            CreateError::Incomplete(_) | CreateError::NoteUnreadable(_) => {
                Verdict::Reject(Reason::PayloadUndecodable)
            }
            CreateError::NoAddress => Verdict::Reject(Reason::AddressMissing),
            CreateError::NoService { .. } => Verdict::Reject(Reason::ServiceUnavailable),
            CreateError::NoCarton(_) => Verdict::Reject(Reason::ParcelTooLarge),
            CreateError::Unsettled(wait) => Verdict::Defer(*wait),
            CreateError::Shippo(error) | CreateError::Refused { error, .. } => error.verdict(),
            CreateError::Unprintable(Unprintable::Barcode(_)) => Verdict::Reject(Reason::CarrierRejected),
            CreateError::Unprintable(Unprintable::Address(_)) => {
                Verdict::Reject(Reason::AddressUndeliverable)
            }
        }
    }
}
