//! Replays of many cases.

pub(crate) mod actions;
pub(crate) mod advance;
pub(crate) mod bulk_replay;
pub(crate) mod store;
