//! How a run ends.

/// What a run comes to. Whatever fails is printed, so the error's type does not matter.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
