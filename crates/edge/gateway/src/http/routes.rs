//! The handlers, one file for each group of paths.

pub(super) mod carrier;
pub(super) mod collected;
pub(super) mod customer_order;
pub(super) mod deliveries;
pub(super) mod items;
pub(super) mod labels;
pub(super) mod locations;
pub(super) mod orders;
pub(super) mod probes;
pub(super) mod reviews;
pub(super) mod shops;
pub(super) mod stock;
pub(super) mod stock_requests;
pub(super) mod stripe;
pub(super) mod unsubscribe;
