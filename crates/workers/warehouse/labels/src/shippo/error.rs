//! What Shippo may answer instead of a label.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_runtime::Verdict;

/// Why there is no label (yet).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShippoError {
    /// No answer: not reached, or none in time. A purchase may have taken effect all the same.
    #[error("Shippo did not answer")]
    Unreachable(#[from] reqwest::Error),
    /// 5xx.
    #[error("Shippo failed with {status}: {body}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The answer, cut.
        body: String,
    },
    /// 429.
    #[error("Shippo asks for fewer requests; again in {0:?}")]
    Busy(Duration),
    /// 401 or 403: our token is at fault, not the parcel.
    #[error("Shippo refuses our token ({0})")]
    Unauthorised(u16),
    /// 400 and other answers that will not change: the request is wrong.
    #[error("Shippo refuses the request ({status}): {body}")]
    Invalid {
        /// The HTTP status.
        status: u16,
        /// Which field is wrong and how, as Shippo says it.
        body: String,
    },
    /// A transaction with status ERROR: the carrier refused.
    #[error("the carrier refused: {0}")]
    Refused(String),
    /// The label is bought but not made yet.
    #[error("transaction {0} is not finished")]
    Pending(String),
    /// An answer that is not what the interface promises.
    #[error("Shippo's answer makes no sense: {0}")]
    Unreadable(String),
}

impl ShippoError {
    /// Whether the provider has said that it did nothing and never will.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, ShippoError::Invalid { .. } | ShippoError::Refused(_))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            ShippoError::Busy(wait) => Verdict::RetryAfter(*wait),
            ShippoError::Unreachable(_)
            | ShippoError::Unavailable { .. }
            | ShippoError::Unauthorised(_)
            | ShippoError::Pending(_)
            | ShippoError::Unreadable(_) => Verdict::Retry,
            ShippoError::Invalid { body: said, .. } | ShippoError::Refused(said) => {
                Verdict::Reject(refusal(said))
            }
        }
    }
}

/// Whether it is the address or the parcel that is refused. The interface has no code for it: carriers answer in words,
/// and a wrong field of ours is named in them.
fn refusal(said: &str) -> Reason {
    if said.to_ascii_lowercase().contains("address") {
        Reason::AddressUndeliverable
    } else {
        Reason::CarrierRejected
    }
}
