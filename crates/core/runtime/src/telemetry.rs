//! Metrics and spans.

mod client_span;
mod metrics;
pub(crate) mod spans;

pub use client_span::ClientSpan;
pub(crate) use metrics::Metrics;
pub(crate) use spans::EventSpan;
