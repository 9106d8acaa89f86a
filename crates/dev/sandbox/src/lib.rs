//! Stand-in providers on loopback that speak the real wires: Stripe, Shippo, SMTP.
//!
//! A production client cannot tell them from the real ones, except that they misbehave on request ([`Faults`])
//! and can be asked afterwards what really happened ([`Counts`]). Start them with [`Sandbox::start`]. Every
//! effect is written to `state_dir` before its answer leaves, so a process killed at any moment starts again
//! with the truth.
//!
//! # What clients send along
//!
//! Effects are counted by order. Stripe's intents name it in `metadata[order_id]`, Shippo's transactions in
//! `metadata` as `<order>/<parcel>`, mails in an `X-Order-Id` header or in a Message-ID such as
//! `<milestone.order.parcel@domain>`.
//!
//! # What the real ones do not have
//!
//! - Stripe's search is real, but there a new intent may take a minute to show.
//! - The payment method `pm_sandbox_captureDeclined` (also with `InsufficientFunds`, `LostCard`, `StolenCard`
//!   or `FraudulentCard` at its end) is authorised and declines its capture. The postcode `00000` has rates, but
//!   no label.
//! - Tracking webhooks are repeated until the gateway takes them. The real Shippo gives up after a few tries.
//! - The control port, [`Sandbox::control_url`]:
//!
//! | request | |
//! |---|---|
//! | `GET /counts`, `GET /counts/{order}` | [`Counts`], [`OrderCounts`] |
//! | `GET /mail?after=N&limit=M` | `{"mails": [{seq, message_id, from, to, subject, order}], "next": N}` |
//! | `GET /mail/{seq}`, `GET /mail/count` | one mail as it was sent; `{"total", "distinct"}` |
//! | `GET /faults`, `PUT /faults` | [`Faults`], as JSON |
//! | `POST /faults/next` | a [`Target`]: a fault for the next requests about one order, or of all |
//! | `PUT /webhooks` | `{"gateway_url", "token"}`: where tracking webhooks go |

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

pub use counts::{Counts, DoubleCapture, DoubleLabel, LabelCount, MailCount, OrderCounts};
pub use error::SandboxError;
pub use faults::{Fault, Faults, Rates, Target};
pub use operation::Operation;
pub use options::{Options, Ports, TrackingPace};
pub use sandbox::Sandbox;
