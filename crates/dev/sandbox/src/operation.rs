//! The operations that faults can hit.

use serde::{Deserialize, Serialize};

/// What a client can ask of a provider, or a provider of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Stripe: create and confirm a payment intent.
    Authorise,
    /// Stripe: capture one.
    Capture,
    /// Stripe: cancel one.
    Cancel,
    /// Stripe: give money back.
    Refund,
    /// Stripe: retrieve or search payment intents.
    FindPayment,
    /// Shippo: create a shipment and get its rates.
    Shipment,
    /// Shippo: buy a label.
    Label,
    /// Shippo: give a label back.
    VoidLabel,
    /// Shippo: retrieve or list labels.
    FindLabel,
    /// Shippo: the tracking webhooks of a label.
    Scan,
    /// SMTP: hand over a mail.
    Mail,
}
