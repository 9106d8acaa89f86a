//! Currencies in Stripe's format, and the amounts that Stripe charges.

use serde::{Deserialize, Serialize};

/// An ISO 4217 code in lower case, as Stripe writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Currency([u8; 3]);

impl Currency {
    pub(super) fn parse(code: &str) -> Option<Self> {
        let lower: [u8; 3] = code.to_ascii_lowercase().into_bytes().try_into().ok()?;
        lower.iter().all(u8::is_ascii_lowercase).then_some(Self(lower))
    }

    /// Returns whether Stripe charges this amount of minor units. In currencies with three decimals the last one must
    /// be 0 (<https://docs.stripe.com/currencies#three-decimal>).
    pub(super) fn takes(self, amount: i64) -> bool {
        let three_decimals = [*b"bhd", *b"jod", *b"kwd", *b"omr", *b"tnd"].contains(&self.0);
        !three_decimals || amount % 10 == 0
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0.map(char::from).iter().collect()
    }
}

impl TryFrom<String> for Currency {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::parse(&code).ok_or("expected a currency code")
    }
}
