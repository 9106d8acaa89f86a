//! Stand-in providers on loopback that speak the real wires: Stripe, Shippo, SMTP.
//!
//! A production client cannot tell them from the real ones, except that they misbehave on request ([`Faults`])
//! and can be asked afterwards what really happened ([`Counts`]). Start them with [`Sandbox::start`]. Every
//! effect is written to `state_dir` before its answer leaves, so a process killed at any moment starts again
//! with the truth.

mod control;
mod counts;
mod dice;
mod digest;
mod error;
mod faults;
mod log;
mod options;
mod sandbox;
mod serve;
mod shippo;
mod smtp;
mod stripe;

pub use counts::{Counts, DoubleCapture, DoubleLabel, LabelCount, MailCount, OrderCounts};
pub use error::SandboxError;
pub use faults::{Fault, Faults, Operation, Rates, Target};
pub use options::{Options, Ports, TrackingPace};
pub use sandbox::Sandbox;
