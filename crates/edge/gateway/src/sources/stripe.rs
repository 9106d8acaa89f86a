//! Stripe's events, as far as they say that something happened to a payment (<https://docs.stripe.com/api/events/types>).
//!
//! An event only names the payment: payments asks Stripe for the facts, so an event that comes late, twice or out of order
//! does no harm.

use despatch_contracts::Emitted;
use despatch_contracts::payment::{PaymentChanged, PaymentDisputed};
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::fields::json::{self, Invalid, text};

/// The provider's name in an order's tenders.
pub(crate) const PROVIDER: &str = "stripe";

#[derive(Deserialize)]
struct Event {
    #[serde(default, rename = "type", deserialize_with = "text")]
    kind: String,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    object: Object,
}

#[derive(Deserialize, Default)]
struct Object {
    #[serde(default, deserialize_with = "text")]
    id: String,
    /// The PaymentIntent of a charge, a refund, a dispute or a review: its id, or the whole of it.
    #[serde(default)]
    payment_intent: Value,
    evidence_details: Option<EvidenceDetails>,
}

#[derive(Deserialize)]
struct EvidenceDetails {
    /// Seconds since 1970.
    due_by: Option<i64>,
}

/// The payment of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaymentEvent {
    /// The PaymentIntent's id.
    pub(crate) payment: String,
    subject: Subject,
}

/// The object of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// The payment, a refund or a review of it.
    Payment,
    /// A dispute of it.
    Dispute { id: String, due_by: Option<i64> },
}

/// Parses an event. Returns `None` if it says nothing of a PaymentIntent that despatch would not find out at its next step.
pub(crate) fn read(body: &[u8]) -> Result<Option<PaymentEvent>, Invalid> {
    let event: Event = json::read(body)?;
    if event.kind.is_empty() {
        return Err(Invalid::new("type", "is required"));
    }
    let Object { id, payment_intent, evidence_details } = event.data.object;
    let subject = match event.kind.split_once('.') {
        Some(("refund" | "review", _) | ("charge", "refunded" | "refund.updated")) => Subject::Payment,
        Some(("charge", dispute)) if dispute.starts_with("dispute.") => {
            if id.is_empty() {
                return Err(Invalid::new("data.object.id", "is required"));
            }
            Subject::Dispute { id, due_by: evidence_details.and_then(|details| details.due_by) }
        }
        _ => return Ok(None),
    };
    let payment = match &payment_intent {
        Value::String(id) => id.as_str(),
        whole => whole["id"].as_str().unwrap_or_default(),
    };
    // A charge without a PaymentIntent is from another integration of the account.
    Ok((!payment.is_empty()).then(|| PaymentEvent { payment: payment.to_owned(), subject }))
}

impl PaymentEvent {
    /// Returns the event about the order that has the payment.
    pub(crate) fn event(&self, order_id: String) -> Emitted {
        let (provider, reference) = (PROVIDER.to_owned(), self.payment.clone());
        match &self.subject {
            Subject::Payment => Emitted::from(&PaymentChanged { order_id, provider, reference }),
            Subject::Dispute { id, due_by } => Emitted::from(&PaymentDisputed {
                order_id,
                provider,
                reference,
                dispute: id.clone(),
                due_by: due_by.map(|seconds| Timestamp { seconds, nanos: 0 }),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, object: &Value) -> Result<Option<PaymentEvent>, Invalid> {
        read(json!({ "type": kind, "data": { "object": object } }).to_string().as_bytes())
    }

    #[test]
    fn events_of_refunds_reviews_and_disputes_name_the_payment() {
        for (kind, object) in [
            ("charge.refunded", json!({ "id": "ch_1", "payment_intent": "pi_1" })),
            ("refund.created", json!({ "id": "re_1", "payment_intent": "pi_1" })),
            ("refund.failed", json!({ "id": "re_1", "payment_intent": { "id": "pi_1" } })),
            ("charge.refund.updated", json!({ "id": "re_1", "payment_intent": "pi_1" })),
            ("review.opened", json!({ "id": "prv_1", "payment_intent": "pi_1" })),
        ] {
            let expected = PaymentEvent { payment: "pi_1".to_owned(), subject: Subject::Payment };
            assert_eq!(of(kind, &object), Ok(Some(expected)), "{kind}");
        }
        let details = json!({ "due_by": 1_800_000_000, "has_evidence": false });
        let dispute = json!({ "id": "du_1", "payment_intent": "pi_1", "evidence_details": details });
        let subject = Subject::Dispute { id: "du_1".to_owned(), due_by: Some(1_800_000_000) };
        let expected = PaymentEvent { payment: "pi_1".to_owned(), subject };
        assert_eq!(of("charge.dispute.created", &dispute), Ok(Some(expected)));
    }

    #[test]
    fn other_events_say_nothing_new() {
        for (kind, object) in [
            ("payment_intent.succeeded", json!({ "id": "pi_1" })),
            ("charge.captured", json!({ "id": "ch_1", "payment_intent": "pi_1" })),
            ("charge.refunded", json!({ "id": "ch_1", "payment_intent": null })),
            ("customer.created", json!({ "id": "cus_1" })),
            ("ping", Value::Null),
        ] {
            let read = of(kind, &object);
            assert!(read == Ok(None) || object.is_null(), "{kind}: {read:?}");
        }
    }

    #[test]
    fn an_event_without_its_type_or_a_dispute_without_its_id_is_refused() {
        assert_eq!(read(b"{}").unwrap_err().field, "type");
        let nameless = json!({ "payment_intent": "pi_1" });
        assert_eq!(of("charge.dispute.created", &nameless).unwrap_err().field, "data.object.id");
    }
}
