//! The contents of Shopify's order: its lines and charges, and the sums of what stands of them.

use despatch_contracts::order::{Charge, ChargeKind, Line};

use super::webhook::{Item, Webhook};
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::json::Invalid;
use crate::sources::fields::line::LineReader;

/// Lines, charges and sums, in minor units of the order's currency.
pub(super) struct Contents {
    pub(super) lines: Vec<Line>,
    pub(super) charges: Vec<Charge>,
    pub(super) tax_minor: i64,
    pub(super) discount_minor: i64,
    pub(super) total_minor: i64,
}

impl Webhook {
    /// Takes the line items out of the webhook. `total_price` is the order's, before what was taken off it.
    pub(super) fn contents(
        &mut self,
        prices: Prices,
        total_price: i64,
        is_collected: bool,
    ) -> Result<Contents, Invalid> {
        let mut charges = self.charges(prices)?;
        let tip = prices.minor_or_zero(self.total_tip_received.as_ref(), || "total_tip_received".into())?;
        let mut tips = Vec::new();
        let tip_is_marked = self.line_items.iter().any(Item::is_marked_tip);
        let mut lines = Vec::with_capacity(self.line_items.len());
        let mut discounts = Vec::with_capacity(lines.capacity() + 1);
        let (mut taken_off, mut taken_off_tax) = (Vec::new(), Vec::new());
        let items = std::mem::take(&mut self.line_items);
        for (reader, item) in LineReader::each("line_items", prices).zip(items) {
            let is_marked = item.is_marked_tip();
            let may_be_tip = !tip_is_marked && tips.is_empty() && tip != 0 && item.may_be_tip();
            let mut item = item.normalised(reader, is_collected)?;
            discounts.push(item.discount.saturating_neg());
            taken_off.push(item.taken_off);
            taken_off_tax.push(item.taken_off_tax);
            let is_tip = is_marked || may_be_tip && item.lines.iter().any(|line| line.total_minor == tip);
            for line in item.lines.drain(..) {
                if is_tip {
                    tips.extend(charge(ChargeKind::Tip, line.title, line.total_minor, line.taxes));
                } else {
                    lines.push(line);
                }
            }
        }
        for (number, line) in (1..).zip(&mut lines) {
            line.number = number;
        }
        if tips.is_empty() {
            tips.extend(charge(ChargeKind::Tip, String::new(), tip, Vec::new()));
        }
        charges.append(&mut tips);
        match (&self.current_total_discounts, &self.total_discounts) {
            (Some(all), _) if self.current_total_price.is_some() => {
                discounts.clear();
                discounts.extend(lines.iter().map(|line| line.discount_minor.saturating_neg()));
                discounts.push(prices.minor(all, || "current_total_discounts".into())?);
            }
            (_, Some(all)) => discounts.push(prices.minor(all, || "total_discounts".into())?),
            (_, None) => discounts.clear(),
        }
        let taken_off = amount::sum(taken_off, "line_items")?;
        let taken_off_tax = if self.taxes_included { 0 } else { amount::sum(taken_off_tax, "line_items")? };
        let total_minor = match &self.current_total_price {
            Some(current) => prices.minor(current, || "current_total_price".into())?,
            None => amount::sum(
                [total_price, taken_off.saturating_neg(), taken_off_tax.saturating_neg()],
                "total_price",
            )?,
        };
        let tax_minor = match (&self.current_total_tax, &self.total_tax) {
            _ if self.taxes_included => 0,
            (Some(current), _) if self.current_total_price.is_some() => {
                prices.minor(current, || "current_total_tax".into())?
            }
            (_, Some(tax)) => {
                let tax = prices.minor(tax, || "total_tax".into())?;
                amount::sum([tax, taken_off_tax.saturating_neg()], "total_tax")?
            }
            (_, None) => 0,
        };
        Ok(Contents {
            lines,
            charges,
            tax_minor,
            discount_minor: amount::sum(discounts, "total_discounts")?,
            total_minor,
        })
    }
}
