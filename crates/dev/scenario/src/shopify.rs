//! A Shopify shop that changes its orders: what it has, and the webhooks that say so.

mod history;
mod order;
mod payload;
mod sender;
mod shop;

pub use history::{History, Payment, ShopWord, with_spare_units};
pub use order::{ShopifyOrder, Wanted};
pub use sender::{ShopSender, WebhookError, shop_configuration, signature};
pub use shop::{EditingShop, Told};
