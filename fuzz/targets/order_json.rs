//! Our own order JSON: `POST /v1/orders`, and each line of a file that is imported.

#![no_main]

use despatch_fuzz::check_order;
use despatch_gateway::order_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| check_order(body, order_json::read));
