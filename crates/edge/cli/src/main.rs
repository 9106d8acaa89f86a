//! The despatch command: run workers, import orders, watch events, the demo.

fn main() {}
