//! Stripe's PaymentIntents: form-encoded requests, JSON answers, idempotency keys.
//!
//! A request passes authentication, validation, its idempotency key, and only then its command. The order matters,
//! because an earlier refusal does not use up the key. The rules are those of
//! <https://docs.stripe.com/api/idempotent_requests> and <https://docs.stripe.com/api/errors>.
//!
//! Left out: intents that are created unconfirmed, customers, and lower limits of amounts.

mod answer;
mod api;
mod command;
mod currency;
mod dispute;
mod form;
mod intent;
mod keys;
mod refund;
mod refusal;
mod search;
mod state;
mod webhook;
mod webhook_sender;

pub(crate) use api::Stripe;
pub(crate) use webhook::EventTarget;
pub(crate) use webhook_sender::send_events;
