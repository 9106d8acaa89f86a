//! The gateway over HTTP, with a real Postgres and NATS behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod bad_input;
mod browser;
mod cases;
mod customers;
mod description;
mod fixture;
mod money;
mod order_page;
mod order_page_attempts;
mod order_page_browser;
mod orders;
mod orders_of_events;
mod outages;
mod parcels;
mod placed;
mod pruning;
mod shop_refunds;
mod shop_updates;
mod shops;
mod stock;
mod stripe;
mod surroundings;
