//! Stand-ins for providers on loopback that speak the real protocols: Stripe, Shippo, SMTP.
//!
//! A production client cannot distinguish them from the real ones. In addition they inject faults on request
//! ([`Faults`]) and report the real effects afterwards ([`Counts`]). Start them with [`Sandbox::start`]. Every effect
//! is written to `state_dir` before its answer is sent, so a process killed at any moment restarts with the true state.
//!
//! # What clients send
//!
//! Effects are counted by order. Stripe's intents name it in `metadata[order_id]`, Shippo's transactions in
//! `metadata` as `<order>/<parcel>`, mails in an `X-Order-Id` header or in a Message-ID such as
//! `<milestone.order.parcel@domain>`.
//!
//! # Differences from the real providers
//!
//! - Stripe's search is real, but at Stripe a new intent may take a minute to appear.
//! - The payment method `pm_sandbox_captureDeclined` (also with `InsufficientFunds`, `LostCard`, `StolenCard`
//!   or `FraudulentCard` at its end) is authorised and declines its capture. The postcode `00000` has rates, but
//!   no label.
//! - Stripe's test payment methods work: `pm_card_createDispute` and `pm_card_createDisputeProductNotReceived` (a dispute
//!   follows the capture), `pm_card_riskLevelElevated` (under review until `POST /v1/reviews/{id}/approve`) and
//!   `pm_card_refundFail`. Of Stripe's events these are sent: refunds, disputes, reviews, cancelled intents.
//! - Tracking webhooks are repeated until the gateway accepts them. The real Shippo gives up after a few tries.
//! - The control port, [`Sandbox::control_url`]:
//!
//! | request | |
//! |---|---|
//! | `GET /counts`, `GET /counts/{order}` | [`Counts`], [`OrderCounts`] |
//! | `GET /mail?after=N&limit=M` | `{"mails": [{seq, message_id, from, to, subject, order}], "next": N}` |
//! | `GET /mail/{seq}`, `GET /mail/count` | one mail as it was sent; `{"total", "distinct", "doubled"}` |
//! | `GET /faults`, `PUT /faults` | [`Faults`], as JSON |
//! | `POST /faults/next` | a [`Target`]: a fault for the next requests about one order, or of all |
//! | `PUT /webhooks` | `{"gateway_url", "token", "stripe_secret"}`: where webhooks go |

mod attempts;
mod control;
mod counts;
mod digest;
mod error;
mod fault_injector;
mod faults;
mod log;
mod operation;
mod options;
mod providers;
mod sandbox;
mod serve;
mod shippo;
mod smtp;
mod stripe;
mod time;
mod webhooks;

pub use counts::{Counts, DoubleCapture, DoubleLabel, LabelCount, MailCount, OrderCounts};
pub use error::SandboxError;
pub use fault_injector::Request;
pub use faults::{Fault, Faults, Rates, Target};
pub use operation::Operation;
pub use options::{Options, Ports, TrackingPace};
pub use sandbox::Sandbox;
