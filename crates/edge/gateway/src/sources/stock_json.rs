//! Commands about stock as JSON: each body becomes the event that asks for it.

mod articles;
mod asked;
mod changes;
mod deliveries;
mod locations;
mod receipts;
mod row;
mod transfers;

pub(crate) use articles::ItemsJson;
pub(crate) use asked::StockCommand;
pub(crate) use changes::{AdjustmentsJson, CountsJson};
pub(crate) use deliveries::{DeliveryEndJson, DeliveryJson};
pub(crate) use locations::LocationJson;
pub(crate) use receipts::ReceiptJson;
pub use row::{ADJUSTMENT_REASONS, LARGEST_QUANTITY, LONGEST_NAME, row_ids, short_digest};
pub(crate) use transfers::{ArrivalJson, TransferJson};

/// The most rows of one request.
pub const MOST_ROWS: usize = 1_000;

/// The most rows of a receipt of which one bad row keeps every row from being booked.
pub const MOST_ROWS_TOGETHER: usize = 10_000;
