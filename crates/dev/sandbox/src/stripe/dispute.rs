//! A dispute of a charge, and Stripe's format of it: <https://docs.stripe.com/api/disputes>.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::currency::Currency;
use super::intent::Intent;
use super::refusal::Refusal;

/// Seconds for which a shop may answer.
const ANSWER_WITHIN: i64 = 9 * 24 * 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    NeedsResponse,
    Won,
    Lost,
}

/// A dispute. The log has a complete one for each change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: Box<str>,
    intent: Box<str>,
    charge: Box<str>,
    amount: i64,
    currency: Currency,
    reason: Box<str>,
    status: Status,
    /// Seconds since 1970.
    created: i64,
}

impl Dispute {
    /// Returns the dispute that a capture leads to with Stripe's test cards of disputes
    /// (<https://docs.stripe.com/testing#disputes>).
    pub(super) fn after_capture(intent: &Intent, id: String, now: i64) -> Option<Self> {
        let reason = match &*intent.method {
            "pm_card_createDispute" => "fraudulent",
            "pm_card_createDisputeProductNotReceived" => "product_not_received",
            _ => return None,
        };
        Some(Self {
            id: id.into(),
            intent: intent.id.clone(),
            charge: intent.charge().into(),
            amount: intent.received,
            currency: intent.currency,
            reason: reason.into(),
            status: Status::NeedsResponse,
            created: now,
        })
    }

    pub(super) fn is_of(&self, intent: &str) -> bool {
        &*self.intent == intent
    }

    /// Ends it. Stripe's test disputes are decided by the text of the evidence.
    pub(super) fn close(&mut self, evidence: Option<&str>) -> Result<(), Refusal> {
        if self.status != Status::NeedsResponse {
            return Err(Refusal::malformed("This dispute is already closed."));
        }
        self.status = if evidence == Some("winning_evidence") { Status::Won } else { Status::Lost };
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": [],
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "evidence": {},
            "evidence_details": {
                "due_by": self.created + ANSWER_WITHIN,
                "has_evidence": self.status == Status::Won,
                "past_due": false,
                "submission_count": i32::from(self.status == Status::Won),
            },
            "is_charge_refundable": false,
            "livemode": false,
            "metadata": {},
            "payment_intent": self.intent,
            "reason": self.reason,
            "status": self.status,
        })
    }
}
