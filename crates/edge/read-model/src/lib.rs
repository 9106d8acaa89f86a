//! The SQL by which the gateway and the commands read the workers' tables: an order's record, its labels, a scan's
//! parcel, the list of orders, stock.
//!
//! Each module has the SQL for one worker's schema. Nothing else at the edge reads these tables. The gateway and the
//! commands read through [`ReadModel`]. [`SCHEMAS`] lists its schemas, and the gateway's database role gets its rights
//! from it. [`OrderBook`] is for commands alone, which have an operator's rights. This crate depends on no worker. The
//! workers' own tests read through it, so they fail if a table changes.

pub mod articles;
pub mod cases;
mod customer_order;
mod databases;
pub mod deliveries;
pub mod labels;
pub mod messages;
mod order_book;
mod order_list;
mod order_record;
pub mod orders;
pub mod payments;
pub mod placed;
mod read_model;
pub mod reviews;
mod schemas;
pub mod stock;

pub use customer_order::CustomerOrder;
pub use order_book::{OrderBook, ShopFigures};
pub use order_list::{BEFORE_DESPATCH, ListedOrder, OrderFilter, StateFilter};
pub use order_record::{OrderRecord, PICKUP, Parcel};
pub use read_model::ReadModel;
pub use schemas::SCHEMAS;
