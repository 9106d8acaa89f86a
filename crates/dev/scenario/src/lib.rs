//! A shop, its customers and an auditor: what the demo and the chaos harness put around the workers.
//!
//! [`sample`] has the orders and [`receive_stock`] the units that they want. [`CheckoutClient`] places them as a shop does,
//! [`answer_reviews`] reads and answers the customers' mail, and [`Auditor`] compares what was ordered, what the workers
//! recorded and what the providers saw.
//!
//! The auditor reads the workers' tables directly. Nothing that runs in production may depend on this crate.

mod audit;
mod checkout;
mod customers;
pub mod sample;
mod stock;
mod time;

pub use audit::{
    Auditor, BEFORE_CAPTURE, BEFORE_RESERVATION, Discrepancy, Latency, PlacedOrder, Progress, Totals, died_at,
};
pub use checkout::{CheckoutClient, CheckoutError};
pub use customers::answer_reviews;
pub use stock::receive_stock;
pub use time::advance_time;
