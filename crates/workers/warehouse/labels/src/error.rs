//! Why a parcel has no label, and what is to be done about it.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_routing::Level;
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::own_labels::NotEncodable;
use crate::shippo::ShippoError;

/// Why a parcel has no label.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// The database did not do as asked.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The event lacks what makes it one.
    #[error("the event names no {0}")]
    Incomplete(&'static str),
    /// The order has nowhere to go.
    #[error("the order has no address")]
    NoAddress,
    /// No rule is for this parcel, or the carriers offer nothing that a rule allows.
    #[error("no rule has a service for {level} to {country}; the carriers offered {rates} rates")]
    NoService {
        /// The order's.
        level: Level,
        /// Of the destination.
        country: String,
        /// 0 when no rule asked the carriers.
        rates: usize,
    },
    /// An earlier try may still be under way at the carrier.
    #[error("an earlier request may still take effect; to be looked for in {0:?}")]
    Unsettled(Duration),
    /// The parcel got a label while this one was made, or another parcel has this tracking number.
    #[error("the parcel or the tracking number {0} has a label already")]
    AlreadyLabelled(String),
    /// The carriers' side.
    #[error(transparent)]
    Shippo(#[from] ShippoError),
    /// The label could not be printed.
    #[error(transparent)]
    Unprintable(#[from] NotEncodable),
}

impl HandlerError for CreateError {
    fn verdict(&self) -> Verdict {
        match self {
            // The next try sees a label that is there. A tracking number that belongs to another parcel stays refused,
            // and becomes a case when the attempts are used up.
            CreateError::Database(_) | CreateError::AlreadyLabelled(_) => Verdict::Retry,
            CreateError::Incomplete(_) => Verdict::Reject(Reason::PayloadUndecodable),
            CreateError::NoAddress => Verdict::Reject(Reason::AddressMissing),
            CreateError::NoService { .. } => Verdict::Reject(Reason::ServiceUnavailable),
            CreateError::Unsettled(wait) => Verdict::Defer(*wait),
            CreateError::Shippo(error) => error.verdict(),
            CreateError::Unprintable(_) => Verdict::Reject(Reason::CarrierRejected),
        }
    }
}
