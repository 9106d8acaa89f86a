//! The worker runtime: prepare, perform, record, publish, ack.
