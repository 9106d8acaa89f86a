//! Shopify's `orders/create` webhook, parsed into an order.
//!
//! The fields are those of the REST Admin API's Order resource
//! (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>). Amounts are in the shop's own currency.

mod charges;
mod webhook;

use despatch_contracts::order::{Address, ChargeKind, Customer, Line, Order};

use self::charges::is_duty;
use self::webhook::{Buyer, Destination, Item, MoneySet, Webhook};
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::intent::intent;
use crate::sources::fields::json::{self, Invalid, key, required};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::name::{first_of, full_name};
use crate::sources::fields::tax::taxes;
use crate::sources::fields::tenders::{Paid, Payment, Total};
use crate::sources::fields::{placed_at, rounding, service_level};

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "shopify";

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total_price`, and `quantity` and `price` of each line item are required.
///
/// - A line's total is its price times its quantity, less the discounts allocated to it.
/// - `total_discounts` is the sum of all discounts. The order's own discount is the part that no line holds, which
///   covers discounted shipping, whose `price` is before discounts.
/// - A tip is a charge, counted once: as the line item that Shopify makes of it, else as `total_tip_received`.
/// - Duties are a charge, counted once: as the order's sum, else as the lines' duties. Shopify lists them beside
///   `total_tax`, which has only the taxes on them. Prices that include duties (`duties_included`) leave no charge. Neither
///   does a total that is right only without them, because then a price or a tax holds them.
/// - Tax adds to the total only if prices do not include it.
/// - `total_price` is right: if the parts miss it by no more than their rounding, the difference is a charge.
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    let webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let total_price = required(webhook.total_price.as_ref(), || "total_price".into())?;
    let total_minor = prices.minor(total_price, || "total_price".into())?;
    let service_level =
        service_level::of_method(webhook.shipping_lines.iter().flat_map(|it| [&*it.code, &*it.title]));

    let mut charges = webhook.charges(prices)?;
    let tip = prices.minor_or_zero(webhook.total_tip_received.as_ref(), || "total_tip_received".into())?;
    let mut tips = Vec::new();
    let tip_is_marked = webhook.line_items.iter().any(Item::is_marked_tip);
    let mut lines = Vec::with_capacity(webhook.line_items.len());
    let mut discounts = Vec::with_capacity(lines.capacity() + 1);
    for (reader, item) in LineReader::each("line_items", prices).zip(webhook.line_items) {
        let is_marked = item.is_marked_tip();
        let may_be_tip = !tip_is_marked && tips.is_empty() && tip != 0 && item.may_be_tip();
        let (line, discount) = item.normalised(reader)?;
        discounts.push(discount.saturating_neg());
        if is_marked || may_be_tip && line.total_minor == tip {
            tips.extend(charge(ChargeKind::Tip, line.title, line.total_minor, line.taxes));
        } else {
            lines.push(line);
        }
    }
    for (number, line) in (1..).zip(&mut lines) {
        line.number = number;
    }
    if tips.is_empty() {
        tips.extend(charge(ChargeKind::Tip, String::new(), tip, Vec::new()));
    }
    charges.append(&mut tips);
    if let Some(all) = &webhook.total_discounts {
        discounts.push(prices.minor(all, || "total_discounts".into())?);
    } else {
        discounts.clear();
    }

    let proofs = [
        ("order_id", &*webhook.id),
        ("order_number", &*webhook.order_number),
        ("checkout_token", &*webhook.checkout_token),
        ("cart_token", &*webhook.cart_token),
    ];
    let intent = intent(&webhook.note_attributes, proofs);
    let presented = presented(webhook.total_price_set.as_ref(), &currency)?;
    let outstanding =
        prices.minor_or_zero(webhook.total_outstanding.as_ref(), || "total_outstanding".into())?;
    let names = &webhook.payment_gateway_names;
    let payment = Payment {
        paid: paid(&webhook.financial_status, outstanding),
        intent,
        name: names.join(", "),
        reference: String::new(),
        is_on_delivery: names.iter().any(|name| is_on_delivery(name)),
        is_gift_card: names.iter().any(|name| name == GIFT_CARD)
            && names.iter().all(|name| name == GIFT_CARD || name == "stripe"),
        total: Total { minor: total_minor, currency: currency.clone() },
        presented: presented.clone(),
    };
    let presented = presented.unwrap_or(Total { minor: 0, currency: String::new() });

    let mut order = Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&webhook.created_at, "created_at")?,
        customer: webhook.customer.map(|buyer| buyer.normalised(webhook.email)),
        ship_to: webhook.shipping_address.map(Destination::normalised),
        lines,
        charges,
        tax_minor: match &webhook.total_tax {
            Some(tax) if !webhook.taxes_included => prices.minor(tax, || "total_tax".into())?,
            _ => 0,
        },
        discount_minor: amount::sum(discounts, "total_discounts")?,
        total_minor,
        tenders: payment.tenders(),
        presentment_currency: presented.currency,
        presentment_total_minor: presented.minor,
        service_level: service_level.into(),
        currency,
        prices_include_tax: webhook.taxes_included,
        ..Order::default()
    };
    if !rounding::settle(&mut order) && order.charges.iter().any(is_duty) {
        let mut without = order.clone();
        without.charges.retain(|charge| !is_duty(charge));
        if rounding::settle(&mut without) {
            order = without;
        }
    }
    Ok(order)
}

/// Shopify's name of the gateway of its gift cards.
const GIFT_CARD: &str = "gift_card";

/// Returns what a `financial_status` says, with what is outstanding of an order that is partly paid.
fn paid(financial_status: &str, outstanding: i64) -> Paid {
    match financial_status {
        "paid" | "partially_refunded" => Paid::InShop,
        "authorized" => Paid::Authorised,
        "partially_paid" => Paid::Partly { outstanding },
        "pending" => Paid::Pending,
        "voided" | "expired" | "refunded" => Paid::Void,
        _ => Paid::Unsaid,
    }
}

/// Whether a payment method's name is that of Shopify's cash on delivery.
fn is_on_delivery(name: &str) -> bool {
    name.to_ascii_lowercase().contains("cash on delivery")
}

/// Returns the total that the customer saw, if it is in another currency than the shop's.
fn presented(set: Option<&MoneySet>, currency: &str) -> Result<Option<Total>, Invalid> {
    let Some(seen) = set.and_then(|set| set.presentment_money.as_ref()) else { return Ok(None) };
    let code = seen.currency_code.to_ascii_uppercase();
    let Some(amount) = seen.amount.as_ref().filter(|_| !code.is_empty() && code != currency) else {
        return Ok(None);
    };
    let minor = Prices::of(&code).minor(amount, || "total_price_set.presentment_money.amount".into())?;
    Ok(Some(Total { minor, currency: code }))
}

impl Item {
    /// Returns whether Shopify marked the item as a tip. Nothing that has a SKU or ships is one.
    fn is_marked_tip(&self) -> bool {
        let is_marked = self.tip.is_some() || self.has_tip_gateway || self.has_tip_method;
        is_marked && self.sku.is_empty() && self.requires_shipping != Some(true)
    }

    /// Returns whether the item is only a title and a price, as a tip is that lost its mark.
    fn may_be_tip(&self) -> bool {
        self.sku.is_empty() && self.product_id.is_none() && self.requires_shipping != Some(true)
    }

    /// Returns the line, and the discount that its total already contains.
    fn normalised(self, reader: LineReader) -> Result<(Line, i64), Invalid> {
        let quantity = reader.quantity(self.quantity)?;
        let price = reader.minor(self.price, "price")?;
        // An allocation repeats the deprecated `total_discount`, so they are never added.
        let discount = if self.discount_allocations.is_empty() {
            reader.minor_or_zero(self.total_discount.as_ref(), "total_discount")?
        } else {
            let mut allocated = Vec::with_capacity(self.discount_allocations.len());
            for (at, allocation) in self.discount_allocations.iter().enumerate() {
                let field = format_args!("discount_allocations[{at}].amount");
                allocated.push(reader.minor_or_zero(allocation.amount.as_ref(), field)?);
            }
            amount::sum(allocated, &reader.path("discount_allocations"))?
        };
        let gross = amount::times(price, quantity, || reader.path("price"))?;
        let line = Line {
            number: reader.number(),
            sku: self.sku,
            title: first_of([self.name, self.title]),
            quantity,
            total_minor: amount::sum([gross, discount.saturating_neg()], &reader.path("price"))?,
            taxes: taxes(&self.tax_lines, reader.prices()),
            ..Line::default()
        };
        Ok((line, discount))
    }
}

impl Buyer {
    /// Returns the customer. The order's own e-mail address takes precedence over the account's.
    fn normalised(self, order_email: String) -> Customer {
        Customer {
            customer_id: self.id,
            name: full_name(&self.first_name, &self.last_name),
            email: first_of([order_email, self.email]),
            ..Customer::default()
        }
    }
}

impl Destination {
    fn normalised(self) -> Address {
        Address {
            name: first_of([self.name, full_name(&self.first_name, &self.last_name)]),
            company: self.company,
            street1: self.address1,
            street2: self.address2,
            city: self.city,
            region: first_of([self.province_code, self.province]),
            postcode: self.zip,
            country: self.country_code.to_ascii_uppercase(),
            phone: self.phone,
        }
    }
}

#[cfg(test)]
mod tests;
