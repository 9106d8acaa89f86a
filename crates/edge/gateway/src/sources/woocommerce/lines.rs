//! The line items of WooCommerce's order: their units, amounts and ways to the customer.

use std::collections::HashMap;

use despatch_contracts::order::{Fulfilment, Line};

use super::bundles::{Bundles, Role};
use super::charges::Rates;
use super::webhook::{Item, ShippingLine};
use crate::sources::fields::amount::{Prices, share};
use crate::sources::fields::attributes::value;
use crate::sources::fields::json::{Invalid, is_yes};
use crate::sources::fields::line::LineReader;

/// WooCommerce's own methods of collection at the shop.
const COLLECTED: [&str; 4] = ["local_pickup", "legacy_local_pickup", "pickup_location", "local_pickup_plus"];

/// Returns whether the customer collects the order. If a part of it is sent, nobody says which.
pub(super) fn is_collected(methods: &[ShippingLine]) -> bool {
    let is_collection = |method: &ShippingLine| {
        // An instance's number may follow.
        let id = method.method_id.split(':').next().unwrap_or_default();
        COLLECTED.contains(&id)
    };
    !methods.is_empty() && methods.iter().all(is_collection)
}

/// Returns the lines, and the tax on the units that do not stand. `removed` has the refunded units by the position of their
/// line.
pub(super) fn lines(
    items: Vec<Item>,
    removed: &HashMap<usize, i64>,
    is_collected: bool,
    prices: Prices,
    rates: &Rates<'_>,
) -> Result<(Vec<Line>, i64), Invalid> {
    let mut taken_off_tax = 0_i64;
    let bundles = Bundles::of(&items);
    let readers = LineReader::each("line_items", prices);
    let line = |(at, (reader, item)): (usize, (LineReader, Item))| {
        let role = bundles.role(at);
        let fulfilment = match role {
            Role::Container | Role::Packed(_) => Fulfilment::None,
            Role::None | Role::Article(_) if item.is_digital() => Fulfilment::Digital,
            Role::None | Role::Article(_) if is_collected => Fulfilment::Pickup,
            Role::None | Role::Article(_) => Fulfilment::Ours,
        };
        let bundle = match role {
            Role::Article(container) | Role::Packed(container) => u32::try_from(container + 1).unwrap_or(0),
            Role::None | Role::Container => 0,
        };
        let (line, tax) = item.normalised(reader, rates, removed.get(&at).copied().unwrap_or(0))?;
        taken_off_tax = taken_off_tax.saturating_add(tax);
        Ok(Line { fulfilment: fulfilment.into(), bundle, ..line })
    };
    let lines = readers.zip(items).enumerate().map(line).collect::<Result<_, _>>()?;
    Ok((lines, taken_off_tax))
}

impl Item {
    /// Returns whether there is nothing to send, as plugins say; WooCommerce itself does not.
    fn is_digital(&self) -> bool {
        let says = |key| value(&self.meta_data, key).is_some_and(is_yes);
        self.is_virtual || self.downloadable || says("_virtual") || says("_downloadable")
    }

    /// Returns the line, and the tax on its removed units.
    fn normalised(self, reader: LineReader, rates: &Rates<'_>, removed: i64) -> Result<(Line, i64), Invalid> {
        let quantity = reader.quantity(self.quantity)?;
        let kept = quantity - removed;
        let whole = reader.minor(self.total, "total")?;
        let before = match &self.subtotal {
            Some(_) => reader.minor_or_zero(self.subtotal.as_ref(), "subtotal")?,
            None => whole,
        };
        let mut taxes = rates.taxes(&self.taxes, &self.total_tax);
        let mut taken_off_tax = 0_i64;
        for tax in &mut taxes {
            let part = share(tax.amount_minor, kept, quantity);
            taken_off_tax = taken_off_tax.saturating_add(tax.amount_minor.saturating_sub(part));
            tax.amount_minor = part;
        }
        let line = Line {
            number: reader.number(),
            sku: self.sku,
            title: self.name,
            quantity,
            removed,
            taxes,
            total_minor: share(whole, kept, quantity),
            shop_line_id: self.id,
            product_id: self.product_id,
            // 0 names no variation.
            variant_id: Some(self.variation_id).filter(|id| id != "0").unwrap_or_default(),
            unit_price_minor: if quantity > 0 { share(before, 1, quantity) } else { 0 },
            discount_minor: share(before.saturating_sub(whole).max(0), kept, quantity),
            ..Line::default()
        };
        Ok((line, taken_off_tax))
    }
}
