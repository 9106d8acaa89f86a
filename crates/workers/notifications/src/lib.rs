//! The notifications worker.
