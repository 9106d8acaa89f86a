//! Shopify's `orders/create` webhook, parsed into an order.
//!
//! The fields are those of the REST Admin API's Order resource
//! (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>). Amounts are in the shop's own currency.

use despatch_contracts::order::{Address, Customer, Line, Order};
use serde::Deserialize;

use crate::sources::fields::amount::{self, Amount, Prices};
use crate::sources::fields::authorisation::{Attribute, authorisation};
use crate::sources::fields::json::{self, Invalid, id, key, or_default, required, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::name::full_name;
use crate::sources::fields::{placed_at, service_level};

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "shopify";

#[derive(Deserialize)]
struct Webhook {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default, deserialize_with = "id")]
    order_number: String,
    #[serde(default, deserialize_with = "text")]
    checkout_token: String,
    #[serde(default, deserialize_with = "text")]
    cart_token: String,
    #[serde(default, deserialize_with = "text")]
    created_at: String,
    #[serde(default, deserialize_with = "text")]
    currency: String,
    #[serde(default, deserialize_with = "text")]
    email: String,
    customer: Option<Buyer>,
    shipping_address: Option<Destination>,
    #[serde(default, deserialize_with = "or_default")]
    line_items: Vec<Item>,
    #[serde(default, deserialize_with = "or_default")]
    shipping_lines: Vec<Method>,
    #[serde(default, deserialize_with = "or_default")]
    note_attributes: Vec<Attribute>,
    #[serde(default, deserialize_with = "or_default")]
    taxes_included: bool,
    total_tax: Option<Amount>,
    total_discounts: Option<Amount>,
    total_tip_received: Option<Amount>,
    total_price: Option<Amount>,
}

#[derive(Deserialize)]
struct Buyer {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default, deserialize_with = "text")]
    first_name: String,
    #[serde(default, deserialize_with = "text")]
    last_name: String,
    #[serde(default, deserialize_with = "text")]
    email: String,
}

#[derive(Deserialize)]
struct Destination {
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default, deserialize_with = "text")]
    first_name: String,
    #[serde(default, deserialize_with = "text")]
    last_name: String,
    #[serde(default, deserialize_with = "text")]
    company: String,
    #[serde(default, deserialize_with = "text")]
    address1: String,
    #[serde(default, deserialize_with = "text")]
    address2: String,
    #[serde(default, deserialize_with = "text")]
    city: String,
    #[serde(default, deserialize_with = "text")]
    province: String,
    #[serde(default, deserialize_with = "text")]
    province_code: String,
    #[serde(default, deserialize_with = "text")]
    zip: String,
    #[serde(default, deserialize_with = "text")]
    country_code: String,
    #[serde(default, deserialize_with = "text")]
    phone: String,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "text")]
    sku: String,
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default, deserialize_with = "text")]
    title: String,
    quantity: Option<i64>,
    price: Option<Amount>,
    total_discount: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    discount_allocations: Vec<Allocation>,
}

#[derive(Deserialize)]
struct Allocation {
    amount: Option<Amount>,
}

#[derive(Deserialize)]
struct Method {
    #[serde(default, deserialize_with = "text")]
    code: String,
    #[serde(default, deserialize_with = "text")]
    title: String,
    price: Option<Amount>,
}

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total_price`, and `quantity` and `price` of each line item are required.
///
/// - A line's total is its price times its quantity, less the discounts allocated to it.
/// - `total_discounts` is the sum of all discounts. The order's own discount is the part that no line holds, which
///   covers discounted shipping, whose `price` is before discounts.
/// - Tips are added to the shipping, the only place for charges that are neither goods nor tax.
/// - Tax adds to the total only if prices do not include it.
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    let webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let total_price = required(webhook.total_price, || "total_price".into())?;
    let total_minor = prices.minor(&total_price, || "total_price".into())?;
    let service_level =
        service_level::of_method(webhook.shipping_lines.iter().flat_map(|it| [&*it.code, &*it.title]));

    let mut shipping =
        vec![prices.minor_or_zero(webhook.total_tip_received.as_ref(), || "total_tip_received".into())?];
    for (at, method) in webhook.shipping_lines.iter().enumerate() {
        shipping.push(prices.minor_or_zero(method.price.as_ref(), || format!("shipping_lines[{at}].price"))?);
    }

    let mut lines = Vec::with_capacity(webhook.line_items.len());
    let mut discounts = Vec::with_capacity(lines.capacity() + 1);
    for (reader, item) in LineReader::each("line_items", prices).zip(webhook.line_items) {
        let (line, discount) = item.normalised(reader)?;
        lines.push(line);
        discounts.push(discount.saturating_neg());
    }
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
    let authorisation = authorisation(&webhook.note_attributes, total_minor, proofs);

    Ok(Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&webhook.created_at, "created_at")?,
        customer: webhook.customer.map(|buyer| buyer.normalised(webhook.email)),
        ship_to: webhook.shipping_address.map(Destination::normalised),
        lines,
        shipping_minor: amount::sum(shipping, "shipping_lines")?,
        tax_minor: match &webhook.total_tax {
            Some(tax) if !webhook.taxes_included => prices.minor(tax, || "total_tax".into())?,
            _ => 0,
        },
        discount_minor: amount::sum(discounts, "total_discounts")?,
        total_minor,
        authorisation,
        service_level: service_level.into(),
        currency,
    })
}

impl Item {
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

/// Returns the first text that is not empty.
fn first_of<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
