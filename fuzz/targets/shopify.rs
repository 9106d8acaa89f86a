//! Shopify's webhook of a new order.

#![no_main]

use despatch_fuzz::check_order;
use despatch_gateway::shopify;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| check_order(body, |body| shopify::read(body, "north")));
