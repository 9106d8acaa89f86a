//! How commands end.

/// What a command comes to. Whatever fails is printed, so the error's type does not matter any more.
pub(crate) type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
