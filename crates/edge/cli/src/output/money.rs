//! Amounts as people read them.

use despatch_domain::{Currency, Money};

/// An amount and its currency. Minor units of a currency that is not one are said to be such.
pub(crate) fn amount(minor: i64, currency: &str) -> String {
    match Currency::parse(currency) {
        Ok(currency) => Money::new(minor, currency).to_string(),
        Err(_) => format!("{minor} minor units of {currency:?}"),
    }
}
