//! The result of a row, for people and programs.

use std::fmt::Write as _;

use despatch_read_model::stock::{StockRowResult, TakenUnits};
use serde::Serialize;

use super::input::{InputRow, Origin, UnreadRow};

/// The result of a row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RowReport {
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    pub(super) sku: String,
    pub(super) location: String,
    pub(super) quantity: i64,
    pub(super) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// How many units more than recorded a count found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) difference: Option<i64>,
    /// The orders from which a count took units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) taken_from: Vec<TakenUnits>,
    /// Whether a receipt made the article known.
    #[serde(rename = "new", skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_new: bool,
    #[serde(skip)]
    pub(super) origin: Option<Origin>,
}

impl RowReport {
    fn of(row: &InputRow, outcome: &str, error: Option<String>) -> Self {
        RowReport {
            line: row.origin.as_ref().map(|origin| origin.line),
            sku: row.sku.clone(),
            location: row.location.clone(),
            quantity: 0,
            outcome: outcome.to_owned(),
            code: None,
            error,
            difference: None,
            taken_from: Vec::new(),
            is_new: false,
            origin: row.origin.clone(),
        }
    }

    /// A row that could not be read.
    pub(super) fn unread(row: &UnreadRow) -> Self {
        RowReport {
            line: Some(row.origin.line),
            sku: String::new(),
            location: String::new(),
            quantity: 0,
            outcome: "refused".to_owned(),
            code: Some(row.code.to_owned()),
            error: Some(row.problem.clone()),
            difference: None,
            taken_from: Vec::new(),
            is_new: false,
            origin: Some(row.origin.clone()),
        }
    }

    /// A row that was not sent because another one is bad.
    pub(super) fn withheld(row: &InputRow) -> Self {
        RowReport::of(row, "withheld", None)
    }

    /// A row that nobody waited for.
    pub(super) fn requested(row: &InputRow) -> Self {
        RowReport::of(row, "requested", None)
    }

    /// A row that the gateway refused.
    pub(super) fn refused(row: &InputRow, problem: String) -> Self {
        RowReport { code: Some("invalid".to_owned()), ..RowReport::of(row, "refused", Some(problem)) }
    }

    /// A row that inventory worked on.
    pub(super) fn done(row: Option<&InputRow>, result: StockRowResult) -> Self {
        let origin = row.and_then(|row| row.origin.clone());
        let or = |told: String, sent: Option<&String>| {
            if told.is_empty() { sent.cloned().unwrap_or_default() } else { told }
        };
        RowReport {
            line: origin.as_ref().map(|origin| origin.line),
            sku: or(result.sku, row.map(|row| &row.sku)),
            location: or(result.location, row.map(|row| &row.location)),
            quantity: result.quantity,
            outcome: result.outcome,
            code: result.code,
            error: result.error,
            difference: result.difference,
            taken_from: result.taken_from,
            is_new: result.is_new,
            origin,
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line.unwrap_or_default()
    }

    /// `SKU-9 at main: 2 units fewer than recorded, 1 of them of order o-7`; `None` if a count found what was recorded.
    pub(super) fn counted(&self) -> Option<String> {
        let difference = self.difference.filter(|difference| *difference != 0)?;
        let than = if difference < 0 { "fewer" } else { "more" };
        let units = counted(difference.unsigned_abs(), "unit");
        let mut told = format!("{} at {}: {units} {than} than recorded", self.sku, self.location);
        for TakenUnits { order_id, units } in &self.taken_from {
            // Writing to a string cannot fail.
            let _ = write!(told, ", {units} of them of order {order_id}");
        }
        Some(told)
    }

    /// `line 17: SKU-9 at main: why`.
    pub(super) fn told(&self) -> String {
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let place = if self.location.is_empty() { String::new() } else { format!(" at {}", self.location) };
        let what = if self.sku.is_empty() { String::new() } else { format!("{}{place}: ", self.sku) };
        format!("{line}{what}{}", self.error.as_deref().unwrap_or(&self.outcome))
    }
}

/// `1 unit`, `2 units`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
