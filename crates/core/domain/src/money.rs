//! Money: a whole number of minor units and their currency. Never a float.

use std::fmt;

use crate::Currency;

/// An amount of money, e.g. 1250 minor units of USD, which is 12.50 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units: cents for USD, yen for JPY, fils for KWD.
    pub minor: i64,
    /// The currency of the minor units.
    pub currency: Currency,
}

/// An error of parsing or adding amounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a decimal: `-`, digits, and optionally a point and digits.
    #[error("expected a decimal amount, found {0:?}")]
    NotDecimal(String),
    /// The text has more decimals than the currency's minor unit.
    #[error("expected at most {} decimals for {currency}, found {text:?}", currency.exponent())]
    TooManyDecimals {
        /// The text.
        text: String,
        /// The currency.
        currency: Currency,
    },
    /// The amount does not fit 64 bits of minor units.
    #[error("expected an amount that fits 64 bits of minor units, found a larger one")]
    Overflow,
    /// The amounts are of different currencies.
    #[error("expected two amounts of one currency, found {0} and {1}")]
    CurrencyMismatch(Currency, Currency),
}

impl Money {
    /// Creates an amount of minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Money { minor, currency }
    }

    /// Parses decimal text exactly: `12.5` in USD is 1250. Zeros beyond the minor unit are allowed; any other digit
    /// there is [`MoneyError::TooManyDecimals`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal = Decimal::read(text)?;
        let (_, beyond) = decimal.fraction_at(currency.exponent());
        if beyond.bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::TooManyDecimals { text: text.to_owned(), currency });
        }
        Ok(Money { minor: decimal.minor(currency.exponent(), false)?, currency })
    }

    /// Parses decimal text and rounds beyond the minor unit, half up by magnitude: -0.005 is -0.01.
    pub fn parse_rounded(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal = Decimal::read(text)?;
        let (_, beyond) = decimal.fraction_at(currency.exponent());
        let up = beyond.bytes().next().is_some_and(|digit| digit >= b'5');
        Ok(Money { minor: decimal.minor(currency.exponent(), up)?, currency })
    }

    /// Adds two amounts of one currency.
    pub fn checked_add(self, other: Money) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        Money::sum(self.currency, [self.minor, other.minor])
    }

    /// Adds amounts in minor units of `currency`. Only the result must fit, not the intermediate sums.
    pub fn sum(currency: Currency, minors: impl IntoIterator<Item = i64>) -> Result<Self, MoneyError> {
        // An i128 overflows only after 2^63 amounts of 2^63.
        let sum: i128 = minors.into_iter().map(i128::from).sum();
        let minor = i64::try_from(sum).map_err(|_| MoneyError::Overflow)?;
        Ok(Money { minor, currency })
    }

    /// Formats the amount with all of its currency's decimals and without the code, e.g. `12.50`.
    pub fn decimal(self) -> String {
        let exponent = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// Formats the amount for people, e.g. `12.50 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// Formats minor units for people, e.g. `12.50 USD`. If the text names no currency, it says that the number is one of
/// minor units.
pub fn amount(minor: i64, currency: &str) -> String {
    match Currency::parse(currency) {
        Ok(currency) => Money::new(minor, currency).to_string(),
        Err(_) => format!("{minor} minor units of {currency:?}"),
    }
}

/// Decimal text, split but not yet scaled.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Result<Self, MoneyError> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        if digits(whole) && digits(fraction) {
            Ok(Decimal { negative, whole, fraction })
        } else {
            Err(MoneyError::NotDecimal(text.to_owned()))
        }
    }

    /// Splits the fraction into the digits that the minor unit holds and the rest.
    fn fraction_at(&self, exponent: u8) -> (&'a str, &'a str) {
        self.fraction.split_at(usize::from(exponent).min(self.fraction.len()))
    }

    fn minor(&self, exponent: u8, one_up: bool) -> Result<i64, MoneyError> {
        let (held, _) = self.fraction_at(exponent);
        let padding = std::iter::repeat_n(b'0', usize::from(exponent) - held.len());
        let mut digits =
            self.whole.bytes().chain(held.bytes()).chain(padding).map(|byte| i64::from(byte - b'0'));
        // Counts down, because the negative range is larger by one.
        let minor = digits
            .try_fold(0_i64, |minor, digit| minor.checked_mul(10)?.checked_sub(digit))
            .and_then(|minor| minor.checked_sub(i64::from(one_up)));
        let minor = if self.negative { minor } else { minor.and_then(i64::checked_neg) };
        minor.ok_or(MoneyError::Overflow)
    }
}

#[cfg(test)]
mod tests;
