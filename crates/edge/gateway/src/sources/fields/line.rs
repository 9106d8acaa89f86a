//! One line of an order: its number, and the paths of its fields in the body.

use std::fmt;

use super::amount::{Amount, Prices};
use super::json::{Invalid, required};

/// Parses the values of one line. An error names the field by its path, such as `lines[0].quantity`.
#[derive(Clone, Copy)]
pub(crate) struct LineReader {
    list: &'static str,
    index: u32,
    prices: Prices,
}

impl LineReader {
    /// Returns one parser for each line of the body's list of this name, in order.
    pub(crate) fn each(list: &'static str, prices: Prices) -> impl Iterator<Item = LineReader> {
        (0..).map(move |index| LineReader { list, index, prices })
    }

    /// Returns the line's number, from 1.
    pub(crate) fn number(self) -> u32 {
        self.index + 1
    }

    /// Returns the number of units, which is required.
    pub(crate) fn quantity(self, quantity: Option<i64>) -> Result<i64, Invalid> {
        required(quantity, || self.path("quantity"))
    }

    /// Returns a required amount in minor units.
    pub(crate) fn minor(self, amount: Option<Amount>, field: impl fmt::Display) -> Result<i64, Invalid> {
        let amount = required(amount, || self.path(&field))?;
        self.prices.minor(&amount, || self.path(&field))
    }

    /// Returns an amount in minor units; 0 if it is missing.
    pub(crate) fn minor_or_zero(
        self,
        amount: Option<&Amount>,
        field: impl fmt::Display,
    ) -> Result<i64, Invalid> {
        self.prices.minor_or_zero(amount, || self.path(field))
    }

    /// Returns the parser of the order's amounts.
    pub(crate) fn prices(self) -> Prices {
        self.prices
    }

    /// Returns the path of a field of the line.
    pub(crate) fn path(self, field: impl fmt::Display) -> String {
        format!("{}[{}].{field}", self.list, self.index)
    }
}
