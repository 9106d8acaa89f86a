//! The inventory worker.
