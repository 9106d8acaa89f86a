//! WooCommerce's `order.created` webhook, parsed into an order.
//!
//! The fields are those of the REST API's order (<https://woocommerce.github.io/woocommerce-rest-api-docs/#orders>).

use despatch_contracts::order::{Address, Customer, Line, Order};
use serde::Deserialize;

use crate::sources::fields::amount::{self, Amount, Prices};
use crate::sources::fields::authorisation::{Attribute, authorisation};
use crate::sources::fields::json::{self, Invalid, id, key, or_default, required, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::name::full_name;
use crate::sources::fields::{placed_at, service_level};

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "woocommerce";

#[derive(Deserialize)]
struct Webhook {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default, deserialize_with = "id")]
    number: String,
    #[serde(default, deserialize_with = "text")]
    order_key: String,
    #[serde(default, deserialize_with = "text")]
    date_created_gmt: String,
    #[serde(default, deserialize_with = "text")]
    currency: String,
    #[serde(default, deserialize_with = "id")]
    customer_id: String,
    billing: Option<Contact>,
    shipping: Option<Contact>,
    #[serde(default, deserialize_with = "or_default")]
    line_items: Vec<Item>,
    #[serde(default, deserialize_with = "or_default")]
    fee_lines: Vec<Fee>,
    #[serde(default, deserialize_with = "or_default")]
    shipping_lines: Vec<Method>,
    #[serde(default, deserialize_with = "or_default")]
    meta_data: Vec<Attribute>,
    shipping_total: Option<Amount>,
    total_tax: Option<Amount>,
    total: Option<Amount>,
}

#[derive(Deserialize)]
struct Contact {
    #[serde(default, deserialize_with = "text")]
    first_name: String,
    #[serde(default, deserialize_with = "text")]
    last_name: String,
    #[serde(default, deserialize_with = "text")]
    company: String,
    #[serde(default, deserialize_with = "text")]
    address_1: String,
    #[serde(default, deserialize_with = "text")]
    address_2: String,
    #[serde(default, deserialize_with = "text")]
    city: String,
    #[serde(default, deserialize_with = "text")]
    state: String,
    #[serde(default, deserialize_with = "text")]
    postcode: String,
    #[serde(default, deserialize_with = "text")]
    country: String,
    #[serde(default, deserialize_with = "text")]
    email: String,
    #[serde(default, deserialize_with = "text")]
    phone: String,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "text")]
    sku: String,
    #[serde(default, deserialize_with = "text")]
    name: String,
    quantity: Option<i64>,
    total: Option<Amount>,
}

#[derive(Deserialize)]
struct Fee {
    total: Option<Amount>,
}

#[derive(Deserialize)]
struct Method {
    #[serde(default, deserialize_with = "text")]
    method_id: String,
    #[serde(default, deserialize_with = "text")]
    method_title: String,
}

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total`, and `quantity` and `total` of each line item are required.
///
/// - A line's total is after its discounts and before tax, even in a shop whose prices include tax. So the order's tax
///   always adds, and no discount is left for the whole order.
/// - Fees are added to the shipping; a negative one is a discount.
/// - The buyer is the billed person. A guest has customer id 0, which names no account.
/// - WooCommerce sends an address of empty texts for "none".
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    let webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let total_minor = prices.minor(&required(webhook.total, || "total".into())?, || "total".into())?;
    let methods = webhook.shipping_lines.iter().flat_map(|it| [&*it.method_id, &*it.method_title]);
    let service_level = service_level::of_method(methods);

    let mut charges =
        vec![prices.minor_or_zero(webhook.shipping_total.as_ref(), || "shipping_total".into())?];
    let mut discounts = Vec::new();
    for (at, fee) in webhook.fee_lines.iter().enumerate() {
        let fee = prices.minor_or_zero(fee.total.as_ref(), || format!("fee_lines[{at}].total"))?;
        if fee < 0 { discounts.push(fee.saturating_neg()) } else { charges.push(fee) }
    }
    let readers = LineReader::each("line_items", prices);
    let lines = readers.zip(webhook.line_items).map(|(reader, item)| item.normalised(reader));

    let phone = webhook.billing.as_ref().map(|billing| billing.phone.clone());
    let created_at = match &*webhook.date_created_gmt {
        "" => String::new(),
        // WooCommerce leaves out the offset of a time in UTC.
        gmt => format!("{}Z", gmt.trim_end_matches('Z')),
    };
    let proofs =
        [("order_id", &*webhook.id), ("order_number", &*webhook.number), ("order_key", &*webhook.order_key)];
    let authorisation = authorisation(&webhook.meta_data, total_minor, proofs);
    Ok(Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&created_at, "date_created_gmt")?,
        lines: lines.collect::<Result<_, _>>()?,
        shipping_minor: amount::sum(charges, "fee_lines")?,
        tax_minor: prices.minor_or_zero(webhook.total_tax.as_ref(), || "total_tax".into())?,
        discount_minor: amount::sum(discounts, "fee_lines")?,
        total_minor,
        authorisation,
        ship_to: webhook.shipping.and_then(|shipping| shipping.address(phone)),
        customer: webhook.billing.and_then(|billing| billing.customer(webhook.customer_id)),
        service_level: service_level.into(),
        currency,
    })
}

impl Item {
    fn normalised(self, reader: LineReader) -> Result<Line, Invalid> {
        Ok(Line {
            number: reader.number(),
            sku: self.sku,
            title: self.name,
            quantity: reader.quantity(self.quantity)?,
            total_minor: reader.minor(self.total, "total")?,
        })
    }
}

impl Contact {
    fn customer(self, customer_id: String) -> Option<Customer> {
        let customer = Customer {
            customer_id: if customer_id == "0" { String::new() } else { customer_id },
            name: full_name(&self.first_name, &self.last_name),
            email: self.email,
        };
        (customer != Customer::default()).then_some(customer)
    }

    /// Returns the address. `billed_phone` is used if it has no phone number, because older shops ask for only one.
    fn address(self, billed_phone: Option<String>) -> Option<Address> {
        let mut address = Address {
            name: full_name(&self.first_name, &self.last_name),
            company: self.company,
            street1: self.address_1,
            street2: self.address_2,
            city: self.city,
            region: self.state,
            postcode: self.postcode,
            country: self.country.to_ascii_uppercase(),
            phone: self.phone,
        };
        if address == Address::default() {
            return None;
        }
        if address.phone.is_empty() {
            address.phone = billed_phone.unwrap_or_default();
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests;
