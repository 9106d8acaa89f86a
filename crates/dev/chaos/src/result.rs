//! The result of a run.

/// The result of a run. Every failure is printed, so the error's type does not matter.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
