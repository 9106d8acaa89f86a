//! Text that a request must carry.

/// A request left out a text that it must carry, such as who made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected some text, found none")]
pub struct MissingText {
    /// The request's field.
    pub field: &'static str,
}

/// Checks that a field has more than white space.
pub(crate) fn required(field: &'static str, text: &str) -> Result<(), MissingText> {
    if text.trim().is_empty() { Err(MissingText { field }) } else { Ok(()) }
}
