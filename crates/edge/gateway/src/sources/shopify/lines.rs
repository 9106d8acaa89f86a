//! The line items of Shopify's order: their units, amounts and ways to the customer.

use despatch_contracts::order::{Fulfilment, Line, TaxLine};

use super::webhook::{Item, Method, Webhook};
use crate::sources::fields::amount::{self, Amount, share};
use crate::sources::fields::json::Invalid;
use crate::sources::fields::line::LineReader;
use crate::sources::fields::name::first_of;
use crate::sources::fields::pickup;
use crate::sources::fields::tax::taxes;

/// A line item as it is read.
pub(super) struct ReadItem {
    /// The units as one line; as two if some of them were sent before the order came here.
    pub(super) lines: Vec<Line>,
    /// The discount of all units.
    pub(super) discount: i64,
    /// The price of the units that do not stand, after its discount.
    pub(super) taken_off: i64,
    /// The tax on these.
    pub(super) taken_off_tax: i64,
}

impl Webhook {
    /// Returns whether the customer collects the order. Shopify leaves such an order without a shipping address, and names
    /// the place where a shipping method would be.
    pub(super) fn is_collected(&self) -> bool {
        let Some(first) = self.shipping_lines.first() else { return false };
        let is_free = |method: &Method| method.price.as_ref().is_none_or(Amount::is_zero);
        let may_be_place =
            |it: &Method| is_free(it) && !pickup::is_sent(&it.title) && !pickup::is_sent(&it.code);
        ["pickup", "pick_up", "local_pickup"].contains(&&*first.delivery_category)
            || self.shipping_lines.iter().all(|it| pickup::is_collected(&it.title))
            || self.shipping_address.is_none() && self.shipping_lines.iter().all(may_be_place)
    }
}

impl Item {
    /// Returns whether Shopify marked the item as a tip. Nothing that has a SKU or ships is one.
    pub(super) fn is_marked_tip(&self) -> bool {
        let is_marked = self.tip.is_some() || self.has_tip_gateway || self.has_tip_method;
        is_marked && self.sku.is_empty() && self.requires_shipping != Some(true)
    }

    /// Returns whether the item is only a title and a price, as a tip is that lost its mark.
    pub(super) fn may_be_tip(&self) -> bool {
        self.sku.is_empty() && self.product_id.is_empty() && self.requires_shipping != Some(true)
    }

    /// Returns the party that brings the units. Shopify's own word for the shop is `manual`.
    fn fulfilment(&self, is_collected: bool) -> Fulfilment {
        if self.gift_card || self.requires_shipping == Some(false) {
            Fulfilment::Digital
        } else if !["", "manual"].contains(&&*self.fulfillment_service) {
            Fulfilment::OtherService
        } else if is_collected {
            Fulfilment::Pickup
        } else {
            Fulfilment::Ours
        }
    }

    /// Returns the units that stand, of this many.
    fn kept(&self, quantity: i64) -> i64 {
        self.current_quantity.filter(|current| (0..quantity).contains(current)).unwrap_or(quantity)
    }

    /// Returns how many of the kept units were sent before the order came here.
    fn sent(&self, kept: i64) -> i64 {
        let is_sent = ["fulfilled", "partial"].contains(&&*self.fulfillment_status);
        let open = self.fulfillable_quantity.filter(|open| is_sent && (0..kept).contains(open));
        kept - open.unwrap_or(kept)
    }

    pub(super) fn normalised(self, reader: LineReader, is_collected: bool) -> Result<ReadItem, Invalid> {
        let quantity = reader.quantity(self.quantity)?;
        let price = reader.minor(self.price.clone(), "price")?;
        let discount = self.discount(reader)?;
        let gross = amount::times(price, quantity, || reader.path("price"))?;
        let whole = amount::sum([gross, discount.saturating_neg()], &reader.path("price"))?;
        let kept = self.kept(quantity);
        let sent = self.sent(kept);
        let (fulfilment, all_taxes) =
            (self.fulfilment(is_collected), taxes(&self.tax_lines, reader.prices()));
        let (taken_off, taken_off_tax) = (
            whole.saturating_sub(share(whole, kept, quantity)),
            sum(&all_taxes).saturating_sub(sum(&part(&all_taxes, kept, quantity))),
        );
        let line = Line {
            number: reader.number(),
            title: first_of([self.name, self.title]),
            sku: self.sku,
            shop_line_id: self.id,
            product_id: self.product_id,
            variant_id: self.variant_id,
            unit_price_minor: price,
            weight_grams: self.grams.unwrap_or(0).max(0),
            ..Line::default()
        };
        // Their amounts are differences of running sums, so they add up to those of the kept units.
        let units = |from: i64, to: i64, removed: i64, fulfilment: Fulfilment| Line {
            fulfilment: fulfilment.into(),
            quantity: to - from + removed,
            removed,
            total_minor: share(whole, to, quantity).saturating_sub(share(whole, from, quantity)),
            discount_minor: share(discount, to, quantity).saturating_sub(share(discount, from, quantity)),
            taxes: part(&all_taxes, to, quantity)
                .into_iter()
                .zip(part(&all_taxes, from, quantity))
                .map(|(to, from)| TaxLine { amount_minor: to.amount_minor - from.amount_minor, ..to })
                .collect(),
            ..line.clone()
        };
        let open = kept - sent;
        let removed = quantity - kept;
        let lines = if sent == 0 {
            vec![units(0, kept, removed, fulfilment)]
        } else if open == 0 {
            vec![units(0, kept, removed, Fulfilment::OtherService)]
        } else {
            vec![units(0, open, removed, fulfilment), units(open, kept, 0, Fulfilment::OtherService)]
        };
        Ok(ReadItem { lines, discount, taken_off, taken_off_tax })
    }

    /// Returns the discount of all units. An allocation repeats the deprecated `total_discount`, so they are never added.
    fn discount(&self, reader: LineReader) -> Result<i64, Invalid> {
        if self.discount_allocations.is_empty() {
            return reader.minor_or_zero(self.total_discount.as_ref(), "total_discount");
        }
        let mut allocated = Vec::with_capacity(self.discount_allocations.len());
        for (at, allocation) in self.discount_allocations.iter().enumerate() {
            let field = format_args!("discount_allocations[{at}].amount");
            allocated.push(reader.minor_or_zero(allocation.amount.as_ref(), field)?);
        }
        amount::sum(allocated, &reader.path("discount_allocations"))
    }
}

/// Returns the taxes on `units` of the `of` units that these are of.
fn part(taxes: &[TaxLine], units: i64, of: i64) -> Vec<TaxLine> {
    let part = |tax: &TaxLine| TaxLine { amount_minor: share(tax.amount_minor, units, of), ..tax.clone() };
    taxes.iter().map(part).collect()
}

fn sum(taxes: &[TaxLine]) -> i64 {
    taxes.iter().fold(0, |sum, tax| sum.saturating_add(tax.amount_minor))
}
