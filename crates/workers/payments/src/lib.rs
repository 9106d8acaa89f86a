//! The payments worker.
