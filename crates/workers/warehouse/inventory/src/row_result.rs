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
    /// How many units more than recorded a count found; below 0 if fewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<i64>,
    /// The orders from which a count took units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taken_from: Vec<TakenFrom>,
    /// Whether a receipt made the article known.
    #[serde(rename = "new", skip_serializing_if = "std::ops::Not::not")]
    is_new: bool,
}

/// Units that a count took from an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TakenFrom {
    order_id: String,
    units: i64,
}

impl RowResult {
    /// A row that changed what it asks for. `row` counts from 0.
    pub(crate) fn booked(row: usize, sku: &str, location: &str, quantity: i64) -> Self {
        let (sku, location) = (storable(sku), storable(location));
        RowResult {
            row: row + 1,
            sku,
            location,
            quantity,
            outcome: "booked",
            code: None,
            error: None,
            difference: None,
            taken_from: Vec::new(),
            is_new: false,
        }
    }

    /// A count, and how many units more than recorded it found.
    pub(crate) fn of_count(self, difference: i64) -> Self {
        RowResult { difference: Some(difference), ..self }
    }

    /// A receipt, and whether it made its article known.
    pub(crate) fn of_receipt(self, is_new: bool) -> Self {
        RowResult { is_new, ..self }
    }

    /// Notes that a count took units from an order.
    pub(crate) fn takes_from(&mut self, order_id: &str, units: i64) {
        match self.taken_from.iter_mut().find(|it| it.order_id == order_id) {
            Some(taken) => taken.units += units,
            None => self.taken_from.push(TakenFrom { order_id: order_id.to_owned(), units }),
        }
    }

    pub(crate) fn is_booked_of(&self, sku: &str, location: &str) -> bool {
        self.outcome == "booked" && self.sku == sku && self.location == location
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
