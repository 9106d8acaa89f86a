//! Shippo's protocol: shipments with rates, transactions (labels), refunds, and tracking webhooks.
//!
//! There is no idempotency: two purchases of one rate are two labels, as at the real provider
//! (<https://docs.goshippo.com/shippoapi/public-api/>). Left out: asynchronous creation, customs, addresses and parcels
//! by reference, and more than one parcel to a shipment.

mod address;
mod answer;
mod api;
mod format;
mod label;
mod metadata;
mod parcel;
mod pdf;
mod scan;
mod service;
mod shipment;
mod state;
mod transaction;
mod webhook;
mod webhook_sender;
mod webhook_target;

pub(crate) use api::Shippo;
pub(crate) use webhook_sender::send_webhooks;
pub(crate) use webhook_target::WebhookTarget;
