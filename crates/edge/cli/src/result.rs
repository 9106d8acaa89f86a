//! How commands end.

use std::error::Error;
use std::fmt::Display;

/// The result of a command. Every failure is printed, so the error's type does not matter any more.
pub(crate) type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// A failure that the reader can do something about.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Hinted {
    what: String,
    /// The ways out, a line for each.
    pub(crate) hint: String,
}

/// An error with what to do about it.
pub(crate) fn hinted(what: impl Display, hint: impl Into<String>) -> Box<dyn Error + Send + Sync> {
    Box::new(Hinted { what: what.to_string(), hint: hint.into() })
}
