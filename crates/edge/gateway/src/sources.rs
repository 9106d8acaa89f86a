//! Parsers of bodies, one file for each sender: each returns an order, a scan or a review.

pub(crate) mod address_form;
pub(crate) mod announced;
#[cfg(test)]
mod any_body;
pub(crate) mod fields;
pub mod order_json;
pub(crate) mod review;
pub mod shippo;
pub mod shopify;
pub(crate) mod shopify_money;
pub mod stock_json;
pub(crate) mod stripe;
pub(crate) mod webhook;
pub mod woocommerce;
