//! The operations that faults can hit.

use serde::{Deserialize, Serialize};

/// A request of a client to a provider, or of a provider to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Stripe: create and confirm a payment intent.
    Authorise,
    /// Stripe: capture a payment intent.
    Capture,
    /// Stripe: cancel a payment intent.
    Cancel,
    /// Stripe: refund a payment.
    Refund,
    /// Stripe: retrieve or search payment intents.
    FindPayment,
    /// Stripe: an act of a person in the dashboard.
    Account,
    /// Shippo: create a shipment and get its rates.
    Shipment,
    /// Shippo: buy a label.
    Label,
    /// Shippo: void a label.
    VoidLabel,
    /// Shippo: retrieve or list labels.
    FindLabel,
    /// Shippo: the tracking webhooks of a label.
    Scan,
    /// SMTP: hand over a mail.
    Mail,
}
