//! Stripe's PaymentIntents: form-encoded requests, JSON answers, idempotency keys.
//!
//! A request passes authentication, validation, its idempotency key, and only then its command. The order matters,
//! because an earlier refusal does not use up the key. The rules are those of
//! <https://docs.stripe.com/api/idempotent_requests> and <https://docs.stripe.com/api/errors>.
//!
//! Left out: intents that are created unconfirmed, customers, and lower limits of amounts.

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
