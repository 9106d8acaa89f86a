//! A refund, and Stripe's format of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::currency::Currency;
use super::form::Pairs;
use super::intent::metadata_json;

/// A refund of a captured intent, in minor units.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: Box<str>,
    pub(super) intent: Box<str>,
    pub(super) charge: Box<str>,
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) metadata: Pairs,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// The card's bank sent the money back.
    #[serde(default)]
    pub(super) failed: bool,
}

impl Refund {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "metadata": metadata_json(&self.metadata),
            "payment_intent": self.intent,
            "reason": null,
            "receipt_number": null,
            "status": if self.failed { "failed" } else { "succeeded" },
            "failure_reason": self.failed.then_some("expired_or_canceled_card"),
        })
    }
}
