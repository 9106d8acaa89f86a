//! Taxes of lines and charges, as shops state them.

use despatch_contracts::order::TaxLine;
use serde::Deserialize;
use serde_json::Value;

use super::amount::Prices;
use super::json::text;

/// A tax in the form of Shopify's `tax_lines`.
#[derive(Deserialize)]
pub(crate) struct ShopTax {
    #[serde(default, deserialize_with = "text")]
    title: String,
    #[serde(default)]
    price: Value,
    /// A fraction: 0.06 is 6 %.
    #[serde(default)]
    rate: Value,
}

/// Returns the taxes that have an amount.
pub(crate) fn taxes<'a>(listed: impl IntoIterator<Item = &'a ShopTax>, prices: Prices) -> Vec<TaxLine> {
    let tax = |tax: &ShopTax| {
        let amount_minor = prices.note(&tax.price)?;
        Some(TaxLine { title: tax.title.clone(), rate_ppm: shop_rate_ppm(&tax.rate, ONE), amount_minor })
    };
    listed.into_iter().filter_map(tax).collect()
}

/// The rate 1, in parts per million.
const ONE: f64 = 1_000_000.0;

/// One percent, in parts per million.
pub(crate) const PERCENT: f64 = 10_000.0;

/// Returns a shop's rate in parts per million. `unit` is the parts per million of the rate 1. The result is 0 if the shop
/// says no rate, as a number or as text.
pub(crate) fn shop_rate_ppm(rate: &Value, unit: f64) -> u32 {
    let rate = match rate {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
        _ => None,
    };
    rate.and_then(|rate| rate_ppm(rate, unit)).unwrap_or(0)
}

/// Returns a rate in parts per million. Returns `None` if it is not from 0 to 1,000 %.
pub(crate) fn rate_ppm(rate: f64, unit: f64) -> Option<u32> {
    let ppm = (rate * unit).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in u32's range")]
    (0.0..=10.0 * ONE).contains(&ppm).then_some(ppm as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rates_are_exact_to_the_millionth() {
        for (rate, ppm) in [
            (json!(0.08875), 88_750),
            (json!(0.06), 60_000),
            (json!("0.2"), 200_000),
            (json!(0), 0),
            (json!(null), 0),
            (json!("exempt"), 0),
            (json!(-0.1), 0),
            (json!(1e300), 0),
            (json!("NaN"), 0),
        ] {
            assert_eq!(shop_rate_ppm(&rate, ONE), ppm, "{rate}");
        }
        for (percent, ppm) in [(json!(12), 120_000), (json!(8.875), 88_750), (json!("19 %"), 190_000)] {
            assert_eq!(shop_rate_ppm(&percent, PERCENT), ppm, "{percent}");
        }
    }

    #[test]
    fn a_tax_without_an_amount_is_left_out() {
        let listed: Vec<ShopTax> = serde_json::from_value(json!([
            {"title": " VAT ", "price": "2.004", "rate": 0.2},
            {"title": null, "price": "0.00"},
            {"title": "GST", "price": ""},
        ]))
        .unwrap();
        let read = taxes(&listed, Prices::of("USD"));
        let vat = TaxLine { title: "VAT".into(), rate_ppm: 200_000, amount_minor: 200 };
        assert_eq!(read, [vat, TaxLine::default()]);
    }
}
