//! Findings of an audit.

use std::fmt;

/// A violated expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The order, the position of the stock, or another thing.
    pub about: String,
    /// The defect.
    pub wrong: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.wrong)
    }
}
