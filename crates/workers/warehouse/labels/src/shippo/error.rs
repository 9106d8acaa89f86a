//! Shippo's possible answers other than a label.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_runtime::Verdict;

/// Why there is no label (yet).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShippoError {
    /// No answer: unreachable, or none in time. A purchase may have taken effect all the same.
    #[error("Shippo did not answer")]
    Unreachable(#[from] reqwest::Error),
    /// Status 5xx.
    #[error("Shippo failed with {status}: {body}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The answer, shortened.
        body: String,
    },
    /// Status 429.
    #[error("Shippo accepts no more requests for {0:?}")]
    Busy(Duration),
    /// Status 401 or 403: the token is at fault, not the parcel.
    #[error("Shippo refuses the token ({0}); correct labels.shippo.token")]
    Unauthorised(u16),
    /// Status 400 and other answers that will not change: the request is wrong.
    #[error("Shippo refuses the request ({status}): {body}")]
    Invalid {
        /// The HTTP status.
        status: u16,
        /// The wrong field and its defect, in Shippo's words.
        body: String,
    },
    /// A transaction with status ERROR: the carrier refused.
    #[error("the carrier refused: {0}")]
    Refused(String),
    /// The label is bought but not created yet.
    #[error("transaction {0} is not finished")]
    Pending(String),
    /// An answer that does not match the interface.
    #[error("Shippo's answer cannot be read: {0}")]
    Unreadable(String),
}

impl ShippoError {
    /// Returns whether the provider did nothing and never will.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, ShippoError::Invalid { .. } | ShippoError::Refused(_))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            ShippoError::Busy(wait) => Verdict::Down(*wait),
            ShippoError::Unreachable(_) | ShippoError::Unavailable { .. } => Verdict::Down(Duration::ZERO),
            ShippoError::Unauthorised(_) => Verdict::Refused,
            // The carrier takes its time.
            ShippoError::Pending(_) => Verdict::PutOff,
            ShippoError::Unreadable(_) => Verdict::Retry,
            ShippoError::Invalid { body: said, .. } | ShippoError::Refused(said) => {
                Verdict::Reject(refusal(said))
            }
        }
    }
}

/// Returns whether the address or the parcel is refused. The interface has no code for it: carriers answer in words,
/// which name a wrong field.
fn refusal(said: &str) -> Reason {
    if said.to_ascii_lowercase().contains("address") {
        Reason::AddressUndeliverable
    } else {
        Reason::CarrierRejected
    }
}
