//! Amounts as shops write them, parsed exactly to the minor unit of the order's currency.

use std::fmt;

use despatch_domain::{Currency, Money, MoneyError};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::sources::fields::json::Invalid;

/// Decimal text such as `12.50`, not parsed yet: only the order's currency determines the number of decimals.
///
/// A JSON whole number is as exact as text and accepted as such. A JSON number with a point is refused, because a
/// binary float would be between the shop's decimals and ours.
#[derive(Debug, Clone)]
pub(crate) struct Amount(Box<str>);

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        const DESCRIPTION: &str = "Decimal text in the order's currency, exact to its minor unit. A whole number may be \
                                   a JSON number; one with a point may not, because it would pass through a binary \
                                   float.";
        let types = SchemaType::from_iter([Type::String, Type::Integer]);
        ObjectBuilder::new().schema_type(types).description(Some(DESCRIPTION)).examples(["12.50"]).into()
    }
}

impl ToSchema for Amount {}

impl Amount {
    /// Returns whether the text says zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.0.contains('0') && self.0.bytes().all(|byte| byte == b'0' || byte == b'.')
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(DecimalText)
    }
}

struct DecimalText;

impl Visitor<'_> for DecimalText {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal amount as text, such as \"12.50\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        Ok(Amount(text.trim().into()))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Amount, E> {
        Ok(Amount(whole.to_string().into()))
    }

    fn visit_u64<E>(self, whole: u64) -> Result<Amount, E> {
        Ok(Amount(whole.to_string().into()))
    }
}

/// Parses the amounts of one order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    known: Option<Currency>,
    rounds: bool,
}

impl Prices {
    /// Creates a parser for an order in this currency.
    ///
    /// Orders will refuse an order in a currency that ISO 4217 does not list, with a reason. Until then its amounts are
    /// kept with two decimals, rounded.
    pub(crate) fn of(currency: &str) -> Self {
        Prices { known: Currency::parse(currency).ok(), rounds: false }
    }

    /// Creates a parser that rounds what is finer than a minor unit. Only for the parts of an order whose total is exact
    /// and right: a WooCommerce shop may keep its prices with four decimals.
    pub(crate) fn rounded(currency: &str) -> Self {
        Prices { rounds: true, ..Prices::of(currency) }
    }

    /// Returns the amount in minor units. `field` is its path in the body.
    pub(crate) fn minor(self, amount: &Amount, field: impl FnOnce() -> String) -> Result<i64, Invalid> {
        let read = match self.known {
            Some(currency) if self.rounds => Money::parse_rounded(&amount.0, currency),
            Some(currency) => Money::parse(&amount.0, currency),
            None => Money::parse_rounded(&amount.0, Currency::USD),
        };
        read.map(|money| money.minor).map_err(|error| invalid(&error, field()))
    }

    /// Returns the amount in minor units; 0 if it is missing.
    pub(crate) fn minor_or_zero(
        self,
        amount: Option<&Amount>,
        field: impl FnOnce() -> String,
    ) -> Result<i64, Invalid> {
        amount.map_or(Ok(0), |amount| self.minor(amount, field))
    }

    /// Returns the amount of a note, such as a line's tax, in minor units; rounded, because shops keep taxes in finer
    /// units. Returns `None` for anything that is not an amount.
    ///
    /// A note adds nothing to the order, so an odd one must not refuse it. Shops leave empty text where a rate does not
    /// apply.
    pub(crate) fn note(self, amount: &Value) -> Option<i64> {
        let text = match amount {
            Value::String(text) => text.trim(),
            Value::Number(number) => &number.to_string(),
            _ => return None,
        };
        Money::parse_rounded(text, self.known.unwrap_or(Currency::USD)).ok().map(|money| money.minor)
    }
}

/// Adds minor units. `field` is the path of the last of them.
pub(crate) fn sum(minors: impl IntoIterator<Item = i64>, field: &str) -> Result<i64, Invalid> {
    let sum: i128 = minors.into_iter().map(i128::from).sum();
    i64::try_from(sum).map_err(|_| invalid(&MoneyError::Overflow, field.to_owned()))
}

/// Returns the part of an amount of `of` units that is that of `units` of them, rounded half up.
pub(crate) fn share(minor: i64, units: i64, of: i64) -> i64 {
    if units == of {
        return minor;
    }
    if units == 0 || of <= 0 {
        return 0;
    }
    let share = (2 * i128::from(minor) * i128::from(units) + i128::from(of)).div_euclid(2 * i128::from(of));
    // A part of the units is no more than all of them.
    i64::try_from(share).unwrap_or(minor)
}

/// Returns the price of this many units.
pub(crate) fn times(minor: i64, quantity: i64, field: impl FnOnce() -> String) -> Result<i64, Invalid> {
    minor.checked_mul(quantity).ok_or_else(|| invalid(&MoneyError::Overflow, field()))
}

fn invalid(error: &MoneyError, field: String) -> Invalid {
    Invalid::new(field, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(currency: &str, json: &str) -> Result<i64, Invalid> {
        let amount = serde_json::from_str(json).map_err(|error| Invalid::new("price", error.to_string()))?;
        Prices::of(currency).minor(&amount, || "price".into())
    }

    #[test]
    fn amounts_are_exact_in_their_currency() {
        for (currency, json, expected) in [
            ("USD", r#""12.5""#, 1250),
            ("USD", r#"" 12.50 ""#, 1250),
            ("USD", "12", 1200),
            ("USD", "-3", -300),
            ("JPY", r#""1200""#, 1200),
            ("JPY", r#""1200.00""#, 1200),
            ("KWD", r#""1.234""#, 1234),
        ] {
            assert_eq!(minor(currency, json), Ok(expected), "{json} {currency}");
        }
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for (currency, json) in [
            ("USD", "12.5"),
            ("USD", r#""12.505""#),
            ("JPY", r#""12.5""#),
            ("USD", r#""1,200.00""#),
            ("USD", r#""1e3""#),
            ("USD", r#""""#),
            ("USD", "true"),
            ("USD", r#""99999999999999999999""#),
        ] {
            assert!(minor(currency, json).is_err(), "{json} {currency}");
        }
    }

    #[test]
    fn an_unknown_currency_keeps_two_decimals() {
        assert_eq!(minor("XQQ", r#""12.505""#), Ok(1251));
        assert_eq!(minor("", r#""12""#), Ok(1200));
    }

    #[test]
    fn notes_are_rounded_and_refuse_nothing() {
        for (currency, json, expected) in [
            ("USD", r#""2.4552""#, Some(246)),
            ("USD", r#"" 0.9 ""#, Some(90)),
            ("USD", "2.4552", Some(246)),
            ("JPY", r#""12.5""#, Some(13)),
            ("XQQ", r#""1""#, Some(100)),
            ("USD", r#""""#, None),
            ("USD", "null", None),
            ("USD", "[1]", None),
            ("USD", "1e300", None),
        ] {
            let note = serde_json::from_str(json).unwrap();
            assert_eq!(Prices::of(currency).note(&note), expected, "{json} {currency}");
        }
    }

    #[test]
    fn sums_and_products_do_not_wrap() {
        assert!(sum([i64::MAX, 1], "total").is_err());
        assert_eq!(sum([i64::MAX, 1, -1], "total"), Ok(i64::MAX));
        assert!(times(i64::MAX, 2, || "price".into()).is_err());
    }
}
