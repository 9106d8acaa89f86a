//! All SQL of the inventory worker: `claims` has what ordinary orders do, `changes` what orders do that changed, a file each has
//! what the requests about stock do, and `ledger_queries` has what other crates read.

mod changes;
mod claims;
mod counts;
mod cover;
mod deliveries;
mod items;
mod ledger_queries;
mod locations;
mod movements;
mod receipts;
mod requests;
mod reservation;
mod restore;
mod transfers;
mod upkeep;
mod watch;

pub(crate) use changes::{KnownOrder, keep_newest, repack, retentions};
pub(crate) use claims::{
    Claim, Confirmed, Expiry, QUERIES, Stock, cancel, claim, confirm, expire, ship, stock_for,
};
pub(crate) use counts::{Held, Recorded, recorded_at, take_from_orders};
pub(crate) use cover::{Articles, Awaited, Cover, PAGE, awaited, covers, note_low};
pub use deliveries::DeliveryLines;
pub(crate) use deliveries::{
    Announcement, Delivery, ExpectedUnits, announce, cancel_delivery, compare, differences, is_announced,
    is_still_due, note_arrived, note_differences_told, note_overdue_told, open_lines,
};
pub(crate) use items::{barcodes, lock_items, set_items};
pub(crate) use ledger_queries::OVERSOLD;
pub use ledger_queries::{LAW, Reservation, Totals, reservation_of, totals};
pub(crate) use locations::set_location;
pub use locations::{Location, open_locations};
pub(crate) use movements::{Movement, is_worth_more, lock_positions, move_units};
pub(crate) use receipts::{ArrivedRow, BroughtRow, brought_rows, receive_rows, recorded_before};
pub use receipts::{ReceiptLine, receive, receive_all, units_on_receipts};
pub(crate) use requests::{is_request_known, location_ids, record_request, skus_near, unknown_skus};
pub use reservation::State;
pub(crate) use restore::{Restored, restore};
pub(crate) use transfers::{OnTheWay, end_transfer, is_transfer_known, lock_transfer, send_off};
pub(crate) use upkeep::{UNBALANCED, check_next, movement_retention};
pub(crate) use watch::{Level, changed_levels, close_day, take_stale_watch};
