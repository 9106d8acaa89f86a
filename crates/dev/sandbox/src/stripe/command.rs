//! Validated requests with an effect.

use super::currency::Currency;
use super::form::{Form, Pairs};
use super::refusal::Refusal;
use crate::operation::Operation;

/// A valid request. The intent's state decides whether it is allowed.
#[derive(Debug)]
pub(super) enum Command {
    Create(Create),
    Capture { intent: String, amount: Option<i64> },
    Cancel { intent: String, reason: Option<Box<str>> },
    Refund { intent: String, amount: Option<i64>, metadata: Pairs },
    Approve { review: String },
    CloseDispute { dispute: String, evidence: Option<Box<str>> },
}

/// A payment intent to authorise, or to charge at once.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) manual: bool,
    pub(super) method: Box<str>,
    pub(super) metadata: Pairs,
}

const CREATE: [&str; 14] = [
    "amount",
    "currency",
    "capture_method",
    "confirm",
    "payment_method",
    "payment_method_types",
    "automatic_payment_methods",
    "metadata",
    "description",
    "receipt_email",
    "off_session",
    "return_url",
    "shipping",
    "expand",
];

impl Command {
    pub(super) fn create(form: &Form) -> Result<Self, Refusal> {
        form.only(&CREATE)?;
        let amount = form.amount("amount")?.ok_or_else(|| Refusal::missing("amount"))?;
        if amount > 99_999_999 {
            return Err(Refusal::amount_too_large("amount", "Amount must be no more than 999,999.99."));
        }
        let currency = form.require("currency")?;
        let currency = Currency::parse(currency)
            .ok_or_else(|| Refusal::bad_value("currency", format!("Invalid currency: {currency}")))?;
        if !currency.takes(amount) {
            let message = "Amounts in currencies with three decimals must end with 0.";
            return Err(Refusal::bad_value("amount", message));
        }
        let manual = match form.get("capture_method") {
            Some("manual") => true,
            None | Some("automatic" | "automatic_async") => false,
            Some(other) => {
                let message = format!("Invalid capture_method: {other}");
                return Err(Refusal::bad_value("capture_method", message));
            }
        };
        if form.get("confirm") != Some("true") {
            return Err(Refusal::bad_value(
                "confirm",
                "The sandbox takes intents that are confirmed at once.",
            ));
        }
        let method = form.require("payment_method")?.into();
        Ok(Self::Create(Create { amount, currency, manual, method, metadata: form.metadata()? }))
    }

    pub(super) fn capture(intent: String, form: &Form) -> Result<Self, Refusal> {
        form.only(&["amount_to_capture", "metadata", "final_capture", "expand"])?;
        Ok(Self::Capture { intent, amount: form.amount("amount_to_capture")? })
    }

    pub(super) fn cancel(intent: String, form: &Form) -> Result<Self, Refusal> {
        form.only(&["cancellation_reason", "expand"])?;
        let reason = form.get("cancellation_reason");
        if let Some(other) = reason
            && !["duplicate", "fraudulent", "requested_by_customer", "abandoned"].contains(&other)
        {
            let message = format!("Invalid cancellation_reason: {other}");
            return Err(Refusal::bad_value("cancellation_reason", message));
        }
        Ok(Self::Cancel { intent, reason: reason.map(Into::into) })
    }

    pub(super) fn refund(form: &Form) -> Result<Self, Refusal> {
        form.only(&["payment_intent", "amount", "reason", "metadata", "expand"])?;
        let intent = form.require("payment_intent")?.to_owned();
        Ok(Self::Refund { intent, amount: form.amount("amount")?, metadata: form.metadata()? })
    }

    pub(super) fn approve(review: String, form: &Form) -> Result<Self, Refusal> {
        form.only(&["expand"])?;
        Ok(Self::Approve { review })
    }

    pub(super) fn answer_dispute(dispute: String, form: &Form) -> Result<Self, Refusal> {
        form.only(&["evidence", "submit", "metadata", "expand"])?;
        let evidence = form.get("evidence[uncategorized_text]").map(Into::into);
        Ok(Self::CloseDispute { dispute, evidence })
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::Authorise,
            Self::Capture { .. } => Operation::Capture,
            Self::Cancel { .. } => Operation::Cancel,
            Self::Refund { .. } => Operation::Refund,
            Self::Approve { .. } | Self::CloseDispute { .. } => Operation::Account,
        }
    }
}
