//! The labels worker.
