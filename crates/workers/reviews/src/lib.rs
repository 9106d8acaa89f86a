//! The reviews worker.
