//! All SQL of the inventory worker: `claims` has the way of ordinary orders; `changes` has orders that changed
//! since; `ledger_queries` has receipts and what other
//! crates read.

mod changes;
mod claims;
mod ledger_queries;
mod reservation;

pub(crate) use changes::{KnownOrder, keep_newest, repack, retentions};
pub(crate) use claims::{
    Claim, Confirmed, Expiry, QUERIES, Stock, cancel, claim, confirm, expire, ship, stock_for,
};
pub(crate) use ledger_queries::OVERSOLD;
pub use ledger_queries::{
    Location, ReceiptLine, Reservation, Totals, open_locations, receive, receive_all, reservation_of, totals,
    units_on_receipts,
};
pub use reservation::State;
