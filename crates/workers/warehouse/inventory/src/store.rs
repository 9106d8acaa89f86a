//! All SQL of inventory: what the handlers write in `claims`, what comes in and what other crates read in
//! `ledger_queries`.

mod claims;
mod ledger_queries;
mod reservation;

pub(crate) use claims::{Claim, Expiry, QUERIES, cancel, claim, confirm, expire, ship, stock_for};
pub(crate) use ledger_queries::OVERSOLD;
pub use ledger_queries::{Location, Reservation, Totals, open_locations, receive, reservation_of, totals};
pub use reservation::State;
