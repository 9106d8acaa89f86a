//! WooCommerce's `order.created` webhook, parsed into an order.
//!
//! The fields are those of the REST API's order (<https://woocommerce.github.io/woocommerce-rest-api-docs/#orders>).

use std::collections::HashMap;

use despatch_contracts::order::{Address, Charge, ChargeKind, Customer, Line, Order, TaxLine};
use serde::Deserialize;
use serde_json::Value;

use crate::sources::fields::amount::{self, Amount, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::intent::{Attribute, intent};
use crate::sources::fields::json::{self, Invalid, id, key, or_default, required, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::name::{first_of, full_name};
use crate::sources::fields::tax::{PERCENT, shop_rate_ppm};
use crate::sources::fields::tenders::{Paid, Payment, Total};
use crate::sources::fields::{placed_at, rounding, service_level};

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
    shipping_lines: Vec<ShippingLine>,
    #[serde(default, deserialize_with = "or_default")]
    meta_data: Vec<Attribute>,
    #[serde(default, deserialize_with = "or_default")]
    tax_lines: Vec<TaxRate>,
    #[serde(default, deserialize_with = "or_default")]
    prices_include_tax: bool,
    shipping_total: Option<Amount>,
    total_tax: Option<Amount>,
    total: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    status: String,
    #[serde(default, deserialize_with = "text")]
    payment_method: String,
    #[serde(default, deserialize_with = "text")]
    payment_method_title: String,
    #[serde(default, deserialize_with = "text")]
    transaction_id: String,
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
    #[serde(default, deserialize_with = "or_default")]
    taxes: Box<[Tax]>,
    #[serde(default)]
    total_tax: Value,
}

#[derive(Deserialize)]
struct Fee {
    #[serde(default, deserialize_with = "text")]
    name: String,
    total: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    taxes: Box<[Tax]>,
    #[serde(default)]
    total_tax: Value,
}

#[derive(Deserialize)]
struct ShippingLine {
    #[serde(default, deserialize_with = "text")]
    method_id: String,
    #[serde(default, deserialize_with = "text")]
    method_title: String,
    total: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    taxes: Box<[Tax]>,
    #[serde(default)]
    total_tax: Value,
}

/// A rate's part of a line's tax.
#[derive(Deserialize)]
struct Tax {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default)]
    total: Value,
}

/// A tax rate of the order.
#[derive(Deserialize)]
struct TaxRate {
    #[serde(default, deserialize_with = "id")]
    rate_id: String,
    #[serde(default, deserialize_with = "text")]
    label: String,
    #[serde(default)]
    rate_percent: Value,
}

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total`, and `quantity` and `total` of each line item are required.
///
/// - A line's total is after its discounts and before tax, even in a shop whose prices include tax. So the order's tax
///   always adds, and no discount is left for the whole order.
/// - Shipping and fees are charges, before tax too. A negative fee takes something off.
/// - `total` is right: if the parts miss it by no more than their rounding, the difference is a charge.
/// - The buyer is the billed person. A guest has customer id 0, which names no account.
/// - WooCommerce sends an address of empty texts for "none".
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    let webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let total = required(webhook.total.as_ref(), || "total".into())?;
    let total_minor = prices.minor(total, || "total".into())?;
    let methods = webhook.shipping_lines.iter().flat_map(|it| [&*it.method_id, &*it.method_title]);
    let service_level = service_level::of_method(methods);

    let rates = Rates::of(&webhook.tax_lines, prices);
    let mut charges = webhook.shipping(prices, &rates)?;
    for (at, fee) in webhook.fee_lines.iter().enumerate() {
        let minor = prices.minor_or_zero(fee.total.as_ref(), || format!("fee_lines[{at}].total"))?;
        let taxes = rates.taxes(&fee.taxes, &fee.total_tax);
        charges.extend(charge(ChargeKind::Fee, fee.name.clone(), minor, taxes));
    }
    let readers = LineReader::each("line_items", prices);
    let lines = readers.zip(webhook.line_items).map(|(reader, item)| item.normalised(reader, &rates));
    let lines = lines.collect::<Result<_, _>>()?;

    let phone = webhook.billing.as_ref().map(|billing| billing.phone.clone());
    let created_at = match &*webhook.date_created_gmt {
        "" => String::new(),
        // WooCommerce leaves out the offset of a time in UTC.
        gmt => format!("{}Z", gmt.trim_end_matches('Z')),
    };
    let proofs =
        [("order_id", &*webhook.id), ("order_number", &*webhook.number), ("order_key", &*webhook.order_key)];
    // Until the customer has paid, the intent of a pending order is not finished.
    let is_by_intent = !["pending", "failed"].contains(&&*webhook.status)
        && (webhook.payment_method.is_empty() || webhook.payment_method.starts_with("stripe"));
    let intent = intent(&webhook.meta_data, proofs).filter(|_| is_by_intent);
    let payment = Payment {
        paid: paid(&webhook.status, &webhook.payment_method, intent.is_some()),
        intent,
        name: first_of([webhook.payment_method_title, webhook.payment_method.clone()]),
        reference: webhook.transaction_id,
        is_on_delivery: webhook.payment_method == ON_DELIVERY,
        is_gift_card: false,
        total: Total { minor: total_minor, currency: currency.clone() },
        presented: None,
    };
    let mut order = Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&created_at, "date_created_gmt")?,
        lines,
        charges,
        tax_minor: prices.minor_or_zero(webhook.total_tax.as_ref(), || "total_tax".into())?,
        discount_minor: 0,
        total_minor,
        tenders: payment.tenders(),
        presentment_currency: String::new(),
        presentment_total_minor: 0,
        ship_to: webhook.shipping.and_then(|shipping| shipping.address(phone)),
        customer: webhook.billing.and_then(|billing| billing.customer(webhook.customer_id)),
        service_level: service_level.into(),
        currency,
        prices_include_tax: webhook.prices_include_tax,
        ..Order::default()
    };
    rounding::settle(&mut order);
    Ok(order)
}

impl Webhook {
    /// Returns a charge for each shipping method. They must make up `shipping_total`, but for their rounding; otherwise
    /// it is the only charge.
    fn shipping(&self, prices: Prices, rates: &Rates<'_>) -> Result<Vec<Charge>, Invalid> {
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
struct Rates<'w> {
    by_id: HashMap<&'w str, (&'w str, u32)>,
    prices: Prices,
}

impl<'w> Rates<'w> {
    fn of(rates: &'w [TaxRate], prices: Prices) -> Self {
        let rate = |rate: &'w TaxRate| {
            let ends = rate.label.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let end = ends.take_while(|end| *end <= LONGEST_TAX_TITLE).last().unwrap_or(0);
            (&*rate.rate_id, (&rate.label[..end], shop_rate_ppm(&rate.rate_percent, PERCENT)))
        };
        Rates { by_id: rates.iter().map(rate).collect(), prices }
    }

    /// Returns the taxes of a line. If the line lists none by rate, its `total_tax` is one, of the order's only rate.
    fn taxes(&self, taxes: &[Tax], total_tax: &Value) -> Vec<TaxLine> {
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

/// WooCommerce's payment method of money that the carrier collects.
const ON_DELIVERY: &str = "cod";

/// Returns what an order's status says of its payment. An order on hold with a card is authorised: the Stripe extension
/// leaves it so for a capture by hand.
fn paid(status: &str, payment_method: &str, is_by_intent: bool) -> Paid {
    match status {
        "processing" | "completed" if payment_method == ON_DELIVERY => Paid::Pending,
        // The extension may have authorised or captured the intent. The look at it tells.
        "processing" | "completed" if is_by_intent => Paid::Authorised,
        "processing" | "completed" => Paid::InShop,
        // After a payment that failed the customer may try again.
        "pending" | "on-hold" | "failed" => Paid::Pending,
        "refunded" | "cancelled" | "trash" | "draft" | "auto-draft" | "checkout-draft" => Paid::Void,
        _ => Paid::Unsaid,
    }
}

impl Item {
    fn normalised(self, reader: LineReader, rates: &Rates<'_>) -> Result<Line, Invalid> {
        Ok(Line {
            number: reader.number(),
            sku: self.sku,
            title: self.name,
            quantity: reader.quantity(self.quantity)?,
            taxes: rates.taxes(&self.taxes, &self.total_tax),
            total_minor: reader.minor(self.total, "total")?,
            ..Line::default()
        })
    }
}

impl Contact {
    fn customer(self, customer_id: String) -> Option<Customer> {
        let customer = Customer {
            customer_id: if customer_id == "0" { String::new() } else { customer_id },
            name: full_name(&self.first_name, &self.last_name),
            email: self.email,
            ..Customer::default()
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
