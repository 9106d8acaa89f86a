//! A shop, its customers and an auditor: the surroundings of the workers in the demo and the chaos harness.
//!
//! [`sample`] has the orders and [`receive_stock`] their units. [`CheckoutClient`] places them as a shop does,
//! [`answer_mails`] reads and answers the customers' mail. In the warehouse, [`stock_keeper`] receives, counts and transfers. [`Auditor`]
//! compares the orders with the workers' records and the providers' effects.
//!
//! The auditor reads the workers' tables directly. Nothing that runs in production may depend on this crate.

mod audit;
mod checkout;
mod customers;
mod due;
mod rng;
pub mod sample;
pub mod shopify;
mod stock;
pub mod stock_keeper;
mod time;

pub use audit::{
    Auditor, BEFORE_CAPTURE, BEFORE_RESERVATION, Discrepancy, Latency, PlacedOrder, Progress, Totals, died_at,
};
pub use checkout::{CheckoutClient, CheckoutError};
pub use customers::{Minds, answer_mails};
pub use due::due_at_stripe;
pub use rng::Rng;
pub use stock::receive_stock;
pub use time::advance_time;
