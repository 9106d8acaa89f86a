//! Cases taken together.

use jiff::Timestamp;
use serde::Serialize;

/// Cases of one reason and handler whose errors differ only in numbers, ids and quoted texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseGroup {
    /// The reason code.
    pub reason: String,
    /// The handler that failed.
    pub handler: String,
    /// The error text without what differs from case to case.
    pub cause: String,
    /// How many cases there are.
    pub count: i64,
    /// When the first of them was opened.
    pub first: Timestamp,
    /// When the last of them was opened.
    pub last: Timestamp,
    /// The error text of the first of them.
    pub sample: String,
    /// The number of the first of them.
    pub sample_number: i64,
}

/// How many cases a filter matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CaseCounts {
    /// All of them.
    pub cases: i64,
    /// Those that are not resolved and past their due time.
    pub overdue: i64,
}
