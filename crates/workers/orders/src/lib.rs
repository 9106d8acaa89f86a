//! The orders worker.
