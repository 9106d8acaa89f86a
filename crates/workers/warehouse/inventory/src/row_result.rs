//! The result of each row of a request about stock, as `inventory.request` holds it for people and programs.

use serde::Serialize;

/// Returns the text as PostgreSQL can store it: it has no NUL.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Why a row was refused: a code for programs, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowError {
    pub(crate) code: &'static str,
    pub(crate) error: String,
}

impl RowError {
    pub(crate) fn new(code: &'static str, error: impl Into<String>) -> Self {
        RowError { code, error: error.into() }
    }
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RowResult {
    /// The row's place in the request, from 1.
    row: usize,
    sku: String,
    location: String,
    quantity: i64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl RowResult {
    /// A row that changed what it asks for. `row` counts from 0.
    pub(crate) fn booked(row: usize, sku: &str, location: &str, quantity: i64) -> Self {
        let (sku, location) = (storable(sku), storable(location));
        RowResult { row: row + 1, sku, location, quantity, outcome: "booked", code: None, error: None }
    }

    /// A row that changed nothing, because an earlier one had done it.
    pub(crate) fn before(self, error: RowError) -> Self {
        RowResult { outcome: "before", code: Some(error.code), error: Some(error.error), ..self }
    }

    /// A row that changed nothing, because something is wrong with it.
    pub(crate) fn refused(self, error: RowError) -> Self {
        RowResult { outcome: "refused", code: Some(error.code), error: Some(error.error), ..self }
    }

    /// A row that changed nothing, because another row was refused.
    pub(crate) fn withheld(self) -> Self {
        let error = "no row was booked, because another row was refused".to_owned();
        RowResult { outcome: "withheld", code: Some("withheld"), error: Some(error), ..self }
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.outcome == "refused"
    }
}
