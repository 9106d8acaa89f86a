//! Errors of benchmarks. Every error ends on the terminal, so its type does not matter.

/// Any error.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a benchmark, or of a part of it.
pub(crate) type Result<T = (), E = Error> = std::result::Result<T, E>;
