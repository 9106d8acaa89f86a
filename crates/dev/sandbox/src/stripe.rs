//! Stripe's PaymentIntents wire: form-encoded requests, JSON answers, idempotency keys.
//!
//! A request passes authentication, validation, its idempotency key, and only then its command; the order
//! matters, because what is refused earlier does not use up the key. The rules are those of
//! <https://docs.stripe.com/api/idempotent_requests> and <https://docs.stripe.com/api/errors>.
//!
//! Left out: intents that are created unconfirmed, customers, and amounts' lower limits.

mod api;
mod command;
mod currency;
mod form;
mod intent;
mod keys;
mod refund;
mod refusal;
mod search;
mod state;

pub(crate) use api::Stripe;
