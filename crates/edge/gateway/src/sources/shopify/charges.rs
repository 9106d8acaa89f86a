//! The charges of Shopify's order: shipping, additional fees and duties.

use despatch_contracts::order::{Charge, ChargeKind};

use super::webhook::{MoneySet, Webhook};
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::json::Invalid;
use crate::sources::fields::line::LineReader;
use crate::sources::fields::tax::taxes;

impl Webhook {
    /// Returns shipping, fees and duties.
    pub(super) fn charges(&self, prices: Prices) -> Result<Vec<Charge>, Invalid> {
        let mut charges = Vec::new();
        for (at, method) in self.shipping_lines.iter().enumerate().filter(|(_, method)| !method.is_removed) {
            let price = method.price.as_ref();
            let minor = prices.minor_or_zero(price, || format!("shipping_lines[{at}].price"))?;
            let taxes = taxes(&method.tax_lines, prices);
            charges.extend(charge(ChargeKind::Shipping, method.title.clone(), minor, taxes));
        }
        let fees = total(
            [
                ("original_total_additional_fees_set", &self.original_total_additional_fees_set),
                ("current_total_additional_fees_set", &self.current_total_additional_fees_set),
            ],
            self.current_total_price.is_some(),
            prices,
        )?;
        charges.extend(charge(ChargeKind::Fee, String::new(), fees.unwrap_or(0), Vec::new()));
        if !self.duties_included {
            charges.extend(self.duties(prices)?);
        }
        Ok(charges)
    }

    fn duties(&self, prices: Prices) -> Result<Option<Charge>, Invalid> {
        let said = total(
            [
                ("original_total_duties_set", &self.original_total_duties_set),
                ("current_total_duties_set", &self.current_total_duties_set),
            ],
            self.current_total_price.is_some(),
            prices,
        )?;
        let minor = if let Some(minor) = said {
            minor
        } else {
            let mut minors = Vec::new();
            for (reader, item) in LineReader::each("line_items", prices).zip(&self.line_items) {
                for (at, duty) in item.duties.iter().enumerate() {
                    let set = duty.price_set.as_ref().and_then(|set| set.shop_money.as_ref());
                    let money = duty.shop_money.as_ref().or(set);
                    let amount = money.and_then(|money| money.amount.as_ref());
                    minors.push(reader.minor_or_zero(amount, format_args!("duties[{at}]"))?);
                }
            }
            amount::sum(minors, "line_items")?
        };
        let listed = self.line_items.iter().flat_map(|item| &item.duties).flat_map(|duty| &duty.tax_lines);
        Ok(charge(ChargeKind::Duty, String::new(), minor, taxes(listed, prices)))
    }
}

/// Returns the first of the sums that has an amount, in minor units; the last, if the order says what is current.
fn total(
    mut sets: [(&str, &Option<MoneySet>); 2],
    is_current: bool,
    prices: Prices,
) -> Result<Option<i64>, Invalid> {
    if is_current {
        sets.reverse();
    }
    for (field, set) in sets {
        let money = set.as_ref().and_then(|set| set.shop_money.as_ref());
        if let Some(amount) = money.and_then(|money| money.amount.as_ref()) {
            return prices.minor(amount, || format!("{field}.shop_money.amount")).map(Some);
        }
    }
    Ok(None)
}

/// Returns whether the charge is a duty.
pub(super) fn is_duty(charge: &Charge) -> bool {
    charge.kind() == ChargeKind::Duty
}
