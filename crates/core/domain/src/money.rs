//! Money: a whole number of minor units and the currency that says how much one is. Never a float.

use std::fmt;

use crate::Currency;

/// An amount of money, e.g. 1250 minor units of USD, which is 12.50 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units: cents for USD, yen for JPY, fils for KWD.
    pub minor: i64,
    /// What the minor units are of.
    pub currency: Currency,
}

/// Why text is not an amount, or amounts do not add up to one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not `-`, digits, and perhaps a point and digits.
    #[error("{0:?} is not a decimal amount")]
    NotDecimal(String),
    /// The text says more than the currency's minor unit can.
    #[error("{text:?} has more decimals than the {} of {currency}", currency.exponent())]
    TooManyDecimals {
        /// The amount as it was written.
        text: String,
        /// The currency that it was read in.
        currency: Currency,
    },
    /// The amount does not fit 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
    /// Amounts of two currencies have no sum.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
}

impl Money {
    /// So many minor units of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Money { minor, currency }
    }

    /// Reads decimal text exactly: `12.5` in USD is 1250. Zeros beyond the minor unit are harmless; any other digit
    /// there is [`MoneyError::TooManyDecimals`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal = Decimal::read(text)?;
        let (_, beyond) = decimal.fraction_at(currency.exponent());
        if beyond.bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::TooManyDecimals { text: text.to_owned(), currency });
        }
        Ok(Money { minor: decimal.minor(currency.exponent(), false)?, currency })
    }

    /// Reads decimal text, rounding what is beyond the minor unit half up (by magnitude: -0.005 is -0.01).
    pub fn parse_rounded(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal = Decimal::read(text)?;
        let (_, beyond) = decimal.fraction_at(currency.exponent());
        let up = beyond.bytes().next().is_some_and(|digit| digit >= b'5');
        Ok(Money { minor: decimal.minor(currency.exponent(), up)?, currency })
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Money) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        Money::sum(self.currency, [self.minor, other.minor])
    }

    /// The sum of amounts given in minor units of `currency`. Only the result has to fit, not what it passes through.
    pub fn sum(currency: Currency, minors: impl IntoIterator<Item = i64>) -> Result<Self, MoneyError> {
        // 2^63 amounts of 2^63 would be needed to leave an i128.
        let sum: i128 = minors.into_iter().map(i128::from).sum();
        let minor = i64::try_from(sum).map_err(|_| MoneyError::Overflow)?;
        Ok(Money { minor, currency })
    }

    /// The amount with all of its currency's decimals and without the code, e.g. `12.50`.
    pub fn decimal(self) -> String {
        let exponent = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// The amount as people write it, e.g. `12.50 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// Decimal text, taken apart and not yet scaled.
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

    /// The digits of the fraction that the minor unit holds, and those that it does not.
    fn fraction_at(&self, exponent: u8) -> (&'a str, &'a str) {
        self.fraction.split_at(usize::from(exponent).min(self.fraction.len()))
    }

    fn minor(&self, exponent: u8, one_up: bool) -> Result<i64, MoneyError> {
        let (held, _) = self.fraction_at(exponent);
        let padding = std::iter::repeat_n(b'0', usize::from(exponent) - held.len());
        let mut digits =
            self.whole.bytes().chain(held.bytes()).chain(padding).map(|byte| i64::from(byte - b'0'));
        // Counts down: the negative range is the larger by one.
        let minor = digits
            .try_fold(0_i64, |minor, digit| minor.checked_mul(10)?.checked_sub(digit))
            .and_then(|minor| minor.checked_sub(i64::from(one_up)));
        let minor = if self.negative { minor } else { minor.and_then(i64::checked_neg) };
        minor.ok_or(MoneyError::Overflow)
    }
}

#[cfg(test)]
mod tests;
