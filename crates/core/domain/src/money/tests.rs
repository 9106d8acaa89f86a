//! Money is exact: parsing returns what formatting wrote, in every currency and at both ends of the range.

use proptest::prelude::*;

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn any_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec![currency("JPY"), currency("USD"), currency("KWD"), currency("CLF")])
}

#[test]
fn amounts_have_their_currencys_decimals() {
    assert_eq!(amount(123_456, "USD"), "1234.56 USD");
    assert_eq!(amount(500, "JPY"), "500 JPY");
    assert_eq!(amount(500, "nothing"), "500 minor units of \"nothing\"");
}

#[test]
fn text_is_read_exactly() {
    for (text, code, minor) in [
        ("12.5", "USD", 1250),
        ("12.50", "USD", 1250),
        ("12.5000", "USD", 1250),
        ("0.01", "USD", 1),
        ("-0.01", "USD", -1),
        ("-0", "USD", 0),
        ("007", "USD", 700),
        ("1000", "JPY", 1000),
        ("1000.00", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("92233720368547758.07", "USD", i64::MAX),
        ("-92233720368547758.08", "USD", i64::MIN),
    ] {
        assert_eq!(
            Money::parse(text, currency(code)),
            Ok(Money::new(minor, currency(code))),
            "{text} {code}"
        );
    }
}

#[test]
fn text_that_is_not_an_amount_is_refused() {
    for text in
        ["", "-", ".", "1.", ".5", "+1", "--1", "1,5", "1e3", " 1", "1 ", "0x1", "NaN", "١", "1.-2", "1.2.3"]
    {
        assert_eq!(Money::parse(text, Currency::USD), Err(MoneyError::NotDecimal(text.into())));
    }
    for text in ["92233720368547758.08", "-92233720368547758.09", "99999999999999999999999"] {
        assert_eq!(Money::parse(text, Currency::USD), Err(MoneyError::Overflow));
    }
}

#[test]
fn surplus_decimals_are_refused_unless_rounding_is_asked_for() {
    for (text, code, rounded) in [
        ("0.004", "USD", 0),
        ("0.005", "USD", 1),
        ("-0.005", "USD", -1),
        ("0.0049999", "USD", 0),
        ("957.5775", "USD", 95758),
        ("9.999", "USD", 1000),
        ("0.5", "JPY", 1),
        ("1.23456", "CLF", 12346),
    ] {
        let currency = currency(code);
        let surplus = MoneyError::TooManyDecimals { text: text.into(), currency };
        assert_eq!(Money::parse(text, currency), Err(surplus));
        assert_eq!(Money::parse_rounded(text, currency), Ok(Money::new(rounded, currency)), "{text} {code}");
    }
    let beyond = Money::parse_rounded("92233720368547758.075", Currency::USD);
    assert_eq!(beyond, Err(MoneyError::Overflow), "rounding up may leave the range");
}

#[test]
fn an_amount_is_shown_with_its_currencys_decimals() {
    for (minor, code, shown) in [
        (1250, "USD", "12.50 USD"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (0, "KWD", "0.000 KWD"),
        (1250, "JPY", "1250 JPY"),
        (i64::MIN, "USD", "-92233720368547758.08 USD"),
    ] {
        assert_eq!(Money::new(minor, currency(code)).to_string(), shown);
    }
}

#[test]
fn currencies_do_not_mix() {
    let sum = Money::new(1, Currency::USD).checked_add(Money::new(1, Currency::EUR));
    assert_eq!(sum, Err(MoneyError::CurrencyMismatch(Currency::USD, Currency::EUR)));
}

proptest! {
    #[test]
    fn what_is_shown_is_what_is_read(minor: i64, currency in any_currency()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
        prop_assert_eq!(Money::parse_rounded(&money.decimal(), currency), Ok(money));
    }

    #[test]
    fn rounding_moves_an_amount_by_half_a_minor_unit_at_most(thousandths in 0_i64..10_000_000) {
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        let money = Money::parse_rounded(&text, Currency::USD).unwrap();
        prop_assert!((-4..=5).contains(&(money.minor * 10 - thousandths)), "{text} became {money}");
    }

    #[test]
    fn no_text_panics(text in "-?[0-9.]{0,30}|.*", currency in any_currency()) {
        let _ = (Money::parse(&text, currency), Money::parse_rounded(&text, currency));
    }

    #[test]
    fn a_sum_is_exact_or_refused(minors: Vec<i64>) {
        let exact: i128 = minors.iter().copied().map(i128::from).sum();
        match Money::sum(Currency::USD, minors) {
            Ok(sum) => prop_assert_eq!(i128::from(sum.minor), exact),
            Err(error) => {
                prop_assert_eq!(error, MoneyError::Overflow);
                prop_assert!(i64::try_from(exact).is_err());
            }
        }
    }
}
