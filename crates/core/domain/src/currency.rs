//! The currencies of ISO 4217, and their number of decimals.

use std::fmt;
use std::str::FromStr;

/// A currency of ISO 4217 with its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

/// A code that is not in ISO 4217, or not in upper case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a currency code of ISO 4217, found {0:?}")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// The euro.
    pub const EUR: Currency = Currency { code: "EUR", exponent: 2 };
    /// The US dollar.
    pub const USD: Currency = Currency { code: "USD", exponent: 2 };

    /// Returns the currency of an upper-case alphabetic code. Trims and folds nothing.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        LISTS
            .iter()
            .find_map(|(exponent, codes)| {
                let found = codes.binary_search(&code).ok()?;
                Some(Currency { code: codes[found], exponent: *exponent })
            })
            .ok_or_else(|| UnknownCurrency(code.to_owned()))
    }

    /// Returns the alphabetic code, e.g. `USD`.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// Returns the number of decimals of the minor unit: 2 for USD (cents), 0 for JPY, 3 for KWD.
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Currency::parse(code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

// ISO 4217 list one (current currencies and funds) since Bulgaria adopted the euro in January 2026, by the exponent of
// the minor unit. Metals, test codes and units of account are absent, because they have no minor unit and pay for
// nothing.
#[rustfmt::skip]
const LISTS: [(u8, &[&str]); 4] = [
    (2, &[
        "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB",
        "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CNY", "COP", "COU",
        "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL",
        "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES",
        "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK",
        "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR",
        "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG",
        "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP",
        "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG", "YER",
        "ZAR", "ZMW", "ZWG",
    ]),
    (0, &[
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
        "XOF", "XPF",
    ]),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_distinct_and_well_formed() {
        for (_, codes) in LISTS {
            assert!(codes.is_sorted_by(|a, b| a < b), "binary search needs {codes:?} sorted");
            assert!(codes.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
        }
        let mut all: Vec<_> = LISTS.iter().flat_map(|(_, codes)| *codes).collect();
        let listed = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), listed, "a code has one exponent");
    }

    #[test]
    fn exponents_are_those_of_the_standard() {
        for (code, exponent) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(Currency::parse(code).map(Currency::exponent), Ok(exponent), "{code}");
        }
        assert_eq!(Currency::parse("USD"), Ok(Currency::USD));
        assert_eq!(Currency::parse("EUR"), Ok(Currency::EUR));
    }

    #[test]
    fn what_is_not_listed_is_unknown() {
        for code in ["", "usd", "US", "USDT", " USD", "DEM", "XAU", "ZZZ"] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency(code.into())));
        }
    }
}
