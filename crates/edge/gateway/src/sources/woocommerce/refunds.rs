//! Refunds that WooCommerce's shop made before the order came here: how much, and of which units.
//!
//! WooCommerce says the amount of each refund and no more. Plugins add the units. Without them the units are known only if
//! exactly one line can be meant.

use std::collections::HashMap;

use super::webhook::{Item, Refund, RefundedItem, ShippingLine};
use crate::sources::fields::amount::{self, Amount, Prices};
use crate::sources::fields::attributes::value;
use crate::sources::fields::json::Invalid;

/// The refunds of an order.
#[derive(Default)]
pub(super) struct Refunded {
    /// The sum, in minor units; positive.
    pub(super) minor: i64,
    /// The refunds that have an id and an amount, with their amounts in minor units.
    pub(super) each: Vec<(String, i64)>,
    /// The units that were refunded, by the position of their line.
    pub(super) units: HashMap<usize, i64>,
    /// Whether some refund names no units, and no single line explains it.
    pub(super) is_unclear: bool,
}

/// Reads the refunds of an order of these items and shipping methods.
pub(super) fn read(
    refunds: &[Refund],
    items: &[Item],
    methods: &[ShippingLine],
    prices: Prices,
) -> Result<Refunded, Invalid> {
    let mut refunded = Refunded::default();
    let mut sum = Vec::new();
    for (at, refund) in refunds.iter().enumerate() {
        let field = || format!("refunds[{at}].total");
        // WooCommerce writes it as a negative amount.
        let minor = prices.minor_or_zero(refund.total.as_ref(), field)?.saturating_abs();
        sum.push(minor);
        if minor > 0 && !refund.id.is_empty() {
            refunded.each.push((refund.id.clone(), minor));
        }
        let named: Vec<(usize, i64)> = refund.line_items.iter().filter_map(|it| it.units_of(items)).collect();
        let is_unnamed = named.is_empty();
        for (line, units) in named {
            *refunded.units.entry(line).or_default() += units;
        }
        if is_unnamed {
            match (the_only_line(minor, items, prices), is_of_shipping(minor, methods, prices)) {
                (Some((line, units)), false) => *refunded.units.entry(line).or_default() += units,
                (None, true) => {}
                (Some(_), true) | (None, false) => refunded.is_unclear |= minor != 0,
            }
        }
    }
    refunded.minor = amount::sum(sum, "refunds")?;
    for (line, units) in &mut refunded.units {
        *units = (*units).min(items[*line].quantity.unwrap_or(0)).max(0);
    }
    Ok(refunded)
}

impl RefundedItem {
    /// Returns the position of the line of which units were refunded, and their number.
    fn units_of(&self, items: &[Item]) -> Option<(usize, i64)> {
        let units = self.quantity.map(i64::saturating_abs).filter(|units| *units > 0)?;
        let refunded = value(&self.meta_data, "_refunded_item_id").map(|id| match id {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let by_id = |id: &str| items.iter().position(|item| !id.is_empty() && item.id == id);
        let is_same = |item: &Item| {
            !self.product_id.is_empty()
                && (&item.product_id, &item.variation_id) == (&self.product_id, &self.variation_id)
        };
        let by_product = || items.iter().position(is_same);
        let line = refunded.and_then(|id| by_id(&id)).or_else(|| by_id(&self.id)).or_else(by_product)?;
        Some((line, units))
    }
}

/// Returns the line and the number of its units that cost exactly this much, if there is one such line and no more.
fn the_only_line(minor: i64, items: &[Item], prices: Prices) -> Option<(usize, i64)> {
    let units_of = |item: &Item| {
        let quantity = item.quantity.filter(|quantity| (1..=1000).contains(quantity))?;
        let whole = with_tax(item.total.as_ref(), &item.total_tax, prices)?;
        let costs =
            |units: &i64| i128::from(whole) * i128::from(*units) == i128::from(minor) * i128::from(quantity);
        (whole > 0 && minor > 0).then_some(1..=quantity)?.find(costs)
    };
    let mut found = items.iter().enumerate().filter_map(|(at, item)| Some((at, units_of(item)?)));
    found.next().filter(|_| found.next().is_none())
}

/// Whether the refund is exactly what shipping costs.
fn is_of_shipping(minor: i64, methods: &[ShippingLine], prices: Prices) -> bool {
    let costs = |it: &ShippingLine| with_tax(it.total.as_ref(), &it.total_tax, prices);
    minor > 0 && methods.iter().any(|method| costs(method) == Some(minor))
}

fn with_tax(total: Option<&Amount>, tax: &serde_json::Value, prices: Prices) -> Option<i64> {
    let total = prices.minor_or_zero(total, String::new).ok()?;
    total.checked_add(prices.note(tax).unwrap_or(0))
}
