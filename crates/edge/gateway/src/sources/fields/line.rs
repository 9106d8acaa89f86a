//! One line of an order: its number, and where in the body its fields are.

use std::fmt;

use super::amount::{Amount, Prices};
use super::json::{Invalid, required};

/// Reads the values of one line; an error names the field by its path, such as `lines[0].quantity`.
#[derive(Clone, Copy)]
pub(crate) struct LineReader {
    list: &'static str,
    index: u32,
    prices: Prices,
}

impl LineReader {
    /// One reader for each line of the body's list of this name, in order.
    pub(crate) fn each(list: &'static str, prices: Prices) -> impl Iterator<Item = LineReader> {
        (0..).map(move |index| LineReader { list, index, prices })
    }

    /// The line's number, 1-based.
    pub(crate) fn number(self) -> u32 {
        self.index + 1
    }

    /// How many units; it has to be there.
    pub(crate) fn quantity(self, quantity: Option<i64>) -> Result<i64, Invalid> {
        required(quantity, || self.path("quantity"))
    }

    /// An amount that has to be there, in minor units.
    pub(crate) fn minor(self, amount: Option<Amount>, field: impl fmt::Display) -> Result<i64, Invalid> {
        let amount = required(amount, || self.path(&field))?;
        self.prices.minor(&amount, || self.path(&field))
    }

    /// An amount in minor units; what is missing costs nothing.
    pub(crate) fn minor_or_zero(
        self,
        amount: Option<&Amount>,
        field: impl fmt::Display,
    ) -> Result<i64, Invalid> {
        self.prices.minor_or_zero(amount, || self.path(field))
    }

    /// The path of a field of the line.
    pub(crate) fn path(self, field: impl fmt::Display) -> String {
        format!("{}[{}].{field}", self.list, self.index)
    }
}
