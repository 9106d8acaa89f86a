//! The labels worker.

pub mod house;
