//! A payment intent: its states, the effect of each request, and Stripe's format of it.
//!
//! Amounts are minor units of the intent's currency, so currencies without minor units need no special case.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::command::Create;
use super::currency::Currency;
use super::form::Pairs;
use super::refusal::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// One payment. The log has a complete one for each change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    pub(super) id: Box<str>,
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) status: Status,
    pub(super) received: i64,
    #[serde(default)]
    pub(super) refunded: i64,
    pub(super) manual: bool,
    pub(super) method: Box<str>,
    pub(super) metadata: Pairs,
    /// Seconds since 1970.
    pub(super) created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) canceled: Option<Canceled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) declined: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) review: Option<Review>,
}

/// The time (seconds since 1970) and reason of an intent's cancellation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Canceled {
    pub(super) at: i64,
    pub(super) reason: Option<Box<str>>,
}

/// The review of a payment by a person, because of its risk: <https://docs.stripe.com/api/radar/reviews>.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Review {
    pub(super) id: Box<str>,
    pub(super) open: bool,
}

impl Review {
    pub(super) fn json(&self, of: &Intent) -> Value {
        let (reason, closed) = if self.open { ("rule", None) } else { ("approved", Some("approved")) };
        json!({
            "id": self.id,
            "object": "review",
            "charge": of.charge(),
            "closed_reason": closed,
            "created": of.created,
            "livemode": false,
            "open": self.open,
            "opened_reason": "rule",
            "payment_intent": of.id,
            "reason": reason,
        })
    }
}

impl Intent {
    /// Confirms a new intent. It is kept even if its card is declined, as Stripe does.
    pub(super) fn confirm(id: String, create: &Create, now: i64, fault_declines: bool) -> Self {
        let declined = decline_code(&create.method, "pm_card_visa_chargeDeclined")
            .or(fault_declines.then_some("generic_decline"));
        let status = match (declined, create.manual) {
            (Some(_), _) => Status::RequiresPaymentMethod,
            (None, true) => Status::RequiresCapture,
            (None, false) => Status::Succeeded,
        };
        Self {
            id: id.into(),
            amount: create.amount,
            currency: create.currency,
            status,
            received: if status == Status::Succeeded { create.amount } else { 0 },
            refunded: 0,
            manual: create.manual,
            method: create.method.clone(),
            metadata: create.metadata.clone(),
            created: now,
            canceled: None,
            declined: declined.map(Into::into),
            review: None,
        }
    }

    /// Puts the payment under review if its card is one of elevated risk.
    pub(super) fn reviewed(self, review_id: String) -> Self {
        let elevated = &*self.method == "pm_card_riskLevelElevated" && self.declined.is_none();
        let review = elevated.then(|| Review { id: review_id.into(), open: true });
        Self { review, ..self }
    }

    /// Whether a refund of this card is taken at first and fails at its bank.
    pub(super) fn refunds_fail(&self) -> bool {
        ["pm_card_refundFail", "pm_card_pendingRefundFail"].contains(&&*self.method)
    }

    /// Captures `amount`, or everything, and releases the rest. A declined capture leaves the intent unchanged.
    pub(super) fn capture(&mut self, amount: Option<i64>, fault_declines: bool) -> Result<(), Refusal> {
        if self.status != Status::RequiresCapture {
            let message = format!(
                "This PaymentIntent could not be captured because it has a status of {}.",
                self.status.name()
            );
            return Err(Refusal::unexpected_state(message, self.json()));
        }
        let amount = amount.unwrap_or(self.amount);
        if amount > self.amount {
            let message = format!("amount_to_capture is greater than the {} authorised.", self.amount);
            return Err(Refusal::amount_too_large("amount_to_capture", message));
        }
        let declined = decline_code(&self.method, "pm_sandbox_captureDeclined")
            .or(fault_declines.then_some("generic_decline"));
        if let Some(code) = declined {
            self.declined = Some(code.into());
            return Err(Refusal::declined(code, self.charge(), self.json()));
        }
        self.received = amount;
        self.declined = None;
        self.status = Status::Succeeded;
        Ok(())
    }

    pub(super) fn cancel(&mut self, reason: Option<&str>, now: i64) -> Result<(), Refusal> {
        match self.status {
            Status::RequiresPaymentMethod | Status::RequiresCapture => {
                self.status = Status::Canceled;
                self.canceled = Some(Canceled { at: now, reason: reason.map(Into::into) });
                Ok(())
            }
            Status::Succeeded | Status::Canceled => {
                let status = self.status.name();
                let message =
                    format!("You cannot cancel this PaymentIntent because it has a status of {status}.");
                Err(Refusal::unexpected_state(message, self.json()))
            }
        }
    }

    /// Refunds `amount`, or the rest, and returns the refunded amount.
    pub(super) fn refund(&mut self, amount: Option<i64>) -> Result<i64, Refusal> {
        if self.status != Status::Succeeded {
            let message =
                format!("This PaymentIntent ({}) does not have a successful charge to refund.", self.id);
            return Err(Refusal::unexpected_state(message, self.json()));
        }
        let left = self.received - self.refunded;
        if left == 0 {
            return Err(Refusal::already_refunded(&self.charge()));
        }
        let amount = amount.unwrap_or(left);
        if amount > left {
            let message =
                format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
            return Err(Refusal::amount_too_large("amount", message));
        }
        self.refunded += amount;
        Ok(amount)
    }

    /// Takes back a refund that failed.
    pub(super) fn unrefund(&mut self, amount: i64) {
        self.refunded -= amount;
    }

    /// Returns the order that this pays, as clients name it in the metadata; empty if they do not.
    pub(super) fn order(&self) -> &str {
        order_of(&self.metadata)
    }

    pub(super) fn charge(&self) -> String {
        format!("ch_{}", self.id.trim_start_matches("pi_"))
    }

    /// Returns the charge, in Stripe's format.
    pub(super) fn charge_json(&self) -> Value {
        json!({
            "id": self.charge(),
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.received,
            "amount_refunded": self.refunded,
            "captured": self.status == Status::Succeeded,
            "created": self.created,
            "currency": self.currency,
            "livemode": false,
            "metadata": metadata_json(&self.metadata),
            "paid": true,
            "payment_intent": self.id,
            "payment_method": self.method,
            "refunded": self.refunded > 0 && self.refunded == self.received,
            "status": "succeeded",
        })
    }

    pub(super) fn json(&self) -> Value {
        let last_error = self.declined.as_deref().map(|code| {
            json!({
                "type": "card_error",
                "code": "card_declined",
                "decline_code": code,
                "message": "Your card was declined.",
                "charge": self.charge(),
            })
        });
        let capturable = if self.status == Status::RequiresCapture { self.amount } else { 0 };
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": capturable,
            "amount_details": { "tip": {} },
            "amount_received": self.received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null,
            "canceled_at": self.canceled.as_ref().map(|canceled| canceled.at),
            "cancellation_reason": self.canceled.as_ref().and_then(|canceled| canceled.reason.as_deref()),
            "capture_method": if self.manual { "manual" } else { "automatic" },
            "client_secret": format!("{}_secret_sandbox", self.id),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": null,
            "description": null,
            "last_payment_error": last_error,
            "latest_charge": self.charge(),
            "livemode": false,
            "metadata": metadata_json(&self.metadata),
            "next_action": null,
            "payment_method": self.method,
            "payment_method_types": ["card"],
            "receipt_email": null,
            "review": self.review.as_ref().map(|review| &review.id),
            "shipping": null,
            "status": self.status,
        })
    }
}

pub(super) fn order_of(metadata: &Pairs) -> &str {
    metadata.iter().find(|(name, _)| &**name == "order_id").map_or("", |(_, value)| value)
}

pub(super) fn metadata_json(metadata: &Pairs) -> Value {
    let entries = metadata.iter().map(|(name, value)| (name.to_string(), Value::from(&**value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// Returns the decline code of a test card: <https://docs.stripe.com/testing#declined-payments>.
///
/// Stripe has no card that is authorised and then declines its capture. `pm_sandbox_captureDeclined…` with the same
/// endings is the sandbox's own.
fn decline_code(method: &str, prefix: &str) -> Option<&'static str> {
    if method == "pm_card_chargeDeclined" && prefix.starts_with("pm_card") {
        return Some("generic_decline");
    }
    match method.strip_prefix(prefix)? {
        "InsufficientFunds" => Some("insufficient_funds"),
        "LostCard" => Some("lost_card"),
        "StolenCard" => Some("stolen_card"),
        "FraudulentCard" => Some("fraudulent"),
        _ => Some("generic_decline"),
    }
}
