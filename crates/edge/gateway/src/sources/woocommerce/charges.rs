//! The charges of WooCommerce's order, and the taxes on them and on lines.

use std::collections::HashMap;

use despatch_contracts::order::{Charge, ChargeKind, TaxLine};
use serde_json::Value;

use super::webhook::{Tax, TaxRate, Webhook};
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::json::Invalid;
use crate::sources::fields::tax::{PERCENT, shop_rate_ppm};

impl Webhook {
    /// Returns a charge for each shipping method. They must make up `shipping_total`, but for their rounding; otherwise
    /// it is the only charge.
    pub(super) fn shipping(&self, prices: Prices, rates: &Rates<'_>) -> Result<Vec<Charge>, Invalid> {
        let mut charges = Vec::new();
        for (at, method) in self.shipping_lines.iter().enumerate() {
            let total = method.total.as_ref();
            let minor = prices.minor_or_zero(total, || format!("shipping_lines[{at}].total"))?;
            let taxes = rates.taxes(&method.taxes, &method.total_tax);
            charges.extend(charge(ChargeKind::Shipping, method.method_title.clone(), minor, taxes));
        }
        let Some(total) = &self.shipping_total else { return Ok(charges) };
        let total = prices.minor(total, || "shipping_total".into())?;
        let sum = amount::sum(charges.iter().map(|charge| charge.amount_minor), "shipping_lines")?;
        if usize::try_from(sum.abs_diff(total)).is_ok_and(|difference| difference <= charges.len()) {
            return Ok(charges);
        }
        let title = self.shipping_lines.first().map(|method| method.method_title.clone());
        let whole = charge(ChargeKind::Shipping, title.unwrap_or_default(), total, Vec::new());
        Ok(whole.into_iter().collect())
    }
}

/// The longest title of a tax, in bytes. Each taxed line repeats it, so a long one would make a small body a large order.
const LONGEST_TAX_TITLE: usize = 48;

/// The order's tax rates.
pub(super) struct Rates<'w> {
    by_id: HashMap<&'w str, (&'w str, u32)>,
    prices: Prices,
}

impl<'w> Rates<'w> {
    pub(super) fn of(rates: &'w [TaxRate], prices: Prices) -> Self {
        let rate = |rate: &'w TaxRate| {
            let ends = rate.label.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let end = ends.take_while(|end| *end <= LONGEST_TAX_TITLE).last().unwrap_or(0);
            (&*rate.rate_id, (&rate.label[..end], shop_rate_ppm(&rate.rate_percent, PERCENT)))
        };
        Rates { by_id: rates.iter().map(rate).collect(), prices }
    }

    /// Returns the taxes of a line. If the line lists none by rate, its `total_tax` is one, of the order's only rate.
    pub(super) fn taxes(&self, taxes: &[Tax], total_tax: &Value) -> Vec<TaxLine> {
        let line = |rate: Option<&(&str, u32)>, amount_minor| {
            let (title, rate_ppm) = rate.copied().unwrap_or_default();
            TaxLine { title: title.to_owned(), rate_ppm, amount_minor }
        };
        let listed = taxes.iter().filter_map(|tax| {
            let minor = self.prices.note(&tax.total)?;
            Some(line(self.by_id.get(&*tax.id), minor))
        });
        let listed: Vec<TaxLine> = listed.collect();
        if !listed.is_empty() {
            return listed;
        }
        let only = self.by_id.values().next().filter(|_| self.by_id.len() == 1);
        let whole = self.prices.note(total_tax).filter(|minor| *minor != 0);
        whole.map(|minor| line(only, minor)).into_iter().collect()
    }
}
