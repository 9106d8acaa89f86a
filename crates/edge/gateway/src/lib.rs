//! The gateway: orders, shop webhooks and carrier webhooks come in over HTTP; labels and order status go out.
//!
//! `sources` parses a request's body into an order, a scan, a review or a command. `ingest` commits it, together with
//! everything else that is ready, and only then does `http` answer. The runtime publishes committed events, after a
//! crash too.

mod auth;
mod config;
mod connections;
mod http;
mod ingest;
mod reread;
mod serve;
mod sources;
mod worker;

pub use auth::secret::Secret;
pub use auth::shop::Shop;
pub use config::{Config, ConfigError};
pub use ingest::count_orders;
pub use serve::{GatewayError, serve};
pub use sources::fields::json::Invalid;
pub use sources::{order_json, shippo, shopify, stock_json, woocommerce};
pub use worker::{NAME, worker};
