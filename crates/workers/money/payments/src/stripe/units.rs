//! Stripe's amounts, which for some currencies are not in ISO 4217's minor units
//! (<https://docs.stripe.com/currencies>).

use despatch_domain::{Currency, Money};

/// The relation of Stripe's amount to ISO 4217's minor units.
enum Unit {
    /// The same.
    Minor,
    /// The same, but only multiples of ten.
    TensOfMinor,
    /// Hundredths, of a currency that ISO 4217 no longer divides.
    Hundredths,
    /// Whole units, of a currency that ISO 4217 divides by a hundred.
    Whole,
}

fn unit(currency: Currency) -> Unit {
    match (currency.code(), currency.exponent()) {
        // Stripe's page contradicts itself about UGX. If this is the wrong reading, Stripe refuses the capture as
        // larger than the authorisation, and no money moves.
        ("ISK" | "UGX", _) => Unit::Hundredths,
        ("MGA", _) => Unit::Whole,
        (_, 3) => Unit::TensOfMinor,
        (_, _) => Unit::Minor,
    }
}

/// Converts to Stripe's amount; returns `None` if Stripe's units are not as fine or as large.
pub(super) fn to_wire(money: Money) -> Option<i64> {
    let whole = |parts: i64| (money.minor % parts == 0).then_some(money.minor / parts);
    match unit(money.currency) {
        Unit::Minor => Some(money.minor),
        Unit::TensOfMinor => whole(10)?.checked_mul(10),
        Unit::Hundredths => money.minor.checked_mul(100),
        Unit::Whole => whole(100),
    }
}

/// Converts from Stripe's amount; returns `None` if our minor units are not as fine or as large.
pub(super) fn from_wire(amount: i64, currency: Currency) -> Option<Money> {
    let minor = match unit(currency) {
        Unit::Minor | Unit::TensOfMinor => Some(amount),
        Unit::Hundredths => (amount % 100 == 0).then_some(amount / 100),
        Unit::Whole => amount.checked_mul(100),
    };
    Some(Money::new(minor?, currency))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, Currency::parse(code).unwrap())
    }

    #[test]
    fn amounts_are_those_of_stripes_page() {
        for (minor, code, wire) in [
            (1050, "USD", Some(1050)),
            (500, "JPY", Some(500)),
            (5, "ISK", Some(500)),
            (5, "UGX", Some(500)),
            (500, "MGA", Some(5)),
            (505, "MGA", None),
            (5120, "KWD", Some(5120)),
            (5124, "KWD", None),
            (i64::MAX, "ISK", None),
        ] {
            assert_eq!(to_wire(money(minor, code)), wire, "{minor} {code}");
        }
    }

    proptest! {
        #[test]
        fn what_stripe_is_told_is_what_it_is_understood_to_say(
            minor: i64, code in prop::sample::select(&["USD", "JPY", "ISK", "UGX", "MGA", "KWD", "BHD", "EUR"])
        ) {
            let money = money(minor, code);
            if let Some(wire) = to_wire(money) {
                prop_assert_eq!(from_wire(wire, money.currency), Some(money));
            }
        }
    }
}
