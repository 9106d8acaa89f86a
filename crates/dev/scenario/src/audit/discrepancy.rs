//! What an audit finds.

use std::fmt;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The order, the position of the stock, or what else it is about.
    pub about: String,
    /// What is wrong with it.
    pub wrong: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.wrong)
    }
}
