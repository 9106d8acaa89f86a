//! The gateway's own order JSON, as `POST /v1/orders` accepts it and `openapi.json` describes it.
//!
//! Amounts are decimal text in the order's currency. Unknown names are refused, so that a misspelt one is not silently
//! ignored.

mod tenders;

use despatch_contracts::order::{Address, Charge, ChargeKind, Customer, Line, Order, ServiceLevel, TaxLine};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use self::tenders::{AuthorisationJson, TenderJson};
use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::json::{self, Id, Invalid, id, key, or_default, required, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::placed_at;
use crate::sources::fields::tax::{PERCENT, rate_ppm};

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "api";

/// An order. Missing and null fields stay missing: an order that cannot be fulfilled is accepted, and becomes a case
/// with a reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Order, examples(example))]
pub(crate) struct OrderJson {
    /// The shop's name. With `shop_order_id` it identifies the order permanently.
    #[serde(default, deserialize_with = "text")]
    #[schema(required, max_length = 200)]
    shop: String,
    /// The shop's own order id.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    shop_order_id: String,
    /// When the customer placed the order; by default when it was received.
    #[serde(default, deserialize_with = "text")]
    #[schema(format = DateTime)]
    placed_at: String,
    #[schema(nullable = false)]
    customer: Option<CustomerJson>,
    #[schema(nullable = false)]
    ship_to: Option<AddressJson>,
    #[serde(default, deserialize_with = "or_default")]
    lines: Vec<LineJson>,
    /// The currency's ISO 4217 code.
    #[serde(default, deserialize_with = "text")]
    currency: String,
    /// The price of shipping; by default nothing.
    #[schema(nullable = false)]
    shipping: Option<Amount>,
    /// Further charges: fees, duties and tips.
    #[serde(default, deserialize_with = "or_default")]
    charges: Vec<ChargeJson>,
    /// Whether the shop's prices include tax; by default they do not. The amounts of lines and charges then include their
    /// taxes if `tax` is nothing.
    #[serde(default, deserialize_with = "or_default")]
    prices_include_tax: bool,
    /// Tax added to the lines; by default nothing.
    #[schema(nullable = false)]
    tax: Option<Amount>,
    /// A discount that the lines do not contain, positive; by default nothing.
    #[schema(nullable = false)]
    discount: Option<Amount>,
    /// Lines, shipping, charges and tax, less the discount. It must be exact.
    #[schema(required, nullable = false)]
    total: Option<Amount>,
    #[schema(inline, nullable = false)]
    service_level: Option<Level>,
    #[schema(nullable = false)]
    authorisation: Option<AuthorisationJson>,
    /// Other means by which it is paid. With the authorised amount they make up the total.
    #[serde(default, deserialize_with = "or_default")]
    tenders: Vec<TenderJson>,
}

/// The buyer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Customer)]
struct CustomerJson {
    /// The shop's own customer id; empty for a guest.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    customer_id: String,
    /// The full name.
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The e-mail address for messages.
    #[serde(default, deserialize_with = "text")]
    email: String,
}

/// The address of delivery.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Address)]
struct AddressJson {
    /// The recipient's name.
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The recipient's company.
    #[serde(default, deserialize_with = "text")]
    company: String,
    /// Street and number.
    #[serde(default, deserialize_with = "text")]
    street1: String,
    /// Further address text.
    #[serde(default, deserialize_with = "text")]
    street2: String,
    /// Town.
    #[serde(default, deserialize_with = "text")]
    city: String,
    /// State, province or county, where there is one.
    #[serde(default, deserialize_with = "text")]
    region: String,
    /// The postcode, as its country writes it.
    #[serde(default, deserialize_with = "text")]
    postcode: String,
    /// The country's ISO 3166-1 alpha-2 code.
    #[serde(default, deserialize_with = "text")]
    country: String,
    /// The phone number for the carrier.
    #[serde(default, deserialize_with = "text")]
    phone: String,
}

/// Units of one SKU.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Line)]
struct LineJson {
    /// The SKU to send.
    #[serde(default, deserialize_with = "text")]
    sku: String,
    /// The article's name.
    #[serde(default, deserialize_with = "text")]
    title: String,
    /// The number of units.
    #[schema(required, nullable = false)]
    quantity: Option<i64>,
    /// The line's total after its discount.
    #[schema(required, nullable = false)]
    total: Option<Amount>,
    /// The taxes on the line. They add nothing: the order's `tax` does.
    #[serde(default, deserialize_with = "or_default")]
    taxes: Vec<TaxJson>,
}

/// A tax on a line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tax)]
struct TaxJson {
    /// The tax's name.
    #[serde(default, deserialize_with = "text")]
    title: String,
    /// The rate in percent, exact to a ten-thousandth; by default unknown.
    #[schema(nullable = false, minimum = 0, maximum = 1000)]
    rate_percent: Option<f64>,
    /// The amount of the tax.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
}

/// A fee, a duty or a tip.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Charge)]
struct ChargeJson {
    #[schema(required, inline, nullable = false)]
    kind: Option<Kind>,
    /// The charge's name.
    #[serde(default, deserialize_with = "text")]
    title: String,
    /// The amount. Only a fee may be negative.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
}

/// The reason for the charge.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Fee,
    Duty,
    Tip,
}

/// The service level that the customer paid for; by default `standard`.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Standard,
    SecondClass,
    FirstClass,
    SameDay,
}

/// An order with every field.
pub(crate) fn example() -> serde_json::Value {
    json!({
        "shop": "north",
        "shop_order_id": "1001",
        "placed_at": "2026-03-01T10:00:00Z",
        "customer": {"customer_id": "c-12", "name": "Zoë Müller", "email": "zoe@example.com"},
        "ship_to": {
            "name": "Zoë Müller",
            "company": "",
            "street1": "1 Main St",
            "street2": "",
            "city": "Louisville",
            "region": "KY",
            "postcode": "40202",
            "country": "US",
            "phone": "+1 555 0100"
        },
        "lines": [{"sku": "FUR-BO-10001798", "title": "Bookcase", "quantity": 2, "total": "10.00",
                   "taxes": [{"title": "Sales tax", "rate_percent": 6, "amount": "0.60"}]}],
        "currency": "USD",
        "shipping": "3.50",
        "charges": [{"kind": "fee", "title": "Gift wrap", "amount": "2.00"}],
        "prices_include_tax": false,
        "tax": "0.80",
        "discount": "1.00",
        "total": "15.30",
        "service_level": "second-class",
        "authorisation": {"provider": "stripe", "reference": "pi_1", "amount": "10.30"},
        "tenders": [
            {"provider": "gift-card", "reference": "GC-7", "amount": "5.00", "state": "captured", "name": "Gift card"}
        ]
    })
}

impl From<Kind> for ChargeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Fee => ChargeKind::Fee,
            Kind::Duty => ChargeKind::Duty,
            Kind::Tip => ChargeKind::Tip,
        }
    }
}

impl From<Level> for ServiceLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Standard => ServiceLevel::Standard,
            Level::SecondClass => ServiceLevel::SecondClass,
            Level::FirstClass => ServiceLevel::FirstClass,
            Level::SameDay => ServiceLevel::SameDay,
        }
    }
}

/// Reads an order from our JSON. It has no `order_id` yet; only its shape is checked.
///
/// `shop`, `shop_order_id`, `total`, and of each line `quantity` and `total` have to be there; of each charge `kind` and
/// `amount`; of each tax `amount`.
pub fn read(body: &[u8]) -> Result<Order, Invalid> {
    let json: OrderJson = json::read(body)?;
    let currency = json.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let shipping = prices.minor_or_zero(json.shipping.as_ref(), || "shipping".into())?;
    let mut charges: Vec<Charge> =
        charge(ChargeKind::Shipping, String::new(), shipping, Vec::new()).into_iter().collect();
    for (reader, charge) in LineReader::each("charges", prices).zip(json.charges) {
        charges.extend(charge.normalised(reader)?);
    }
    let readers = LineReader::each("lines", prices);
    let lines = readers.zip(json.lines).map(|(reader, line)| line.normalised(reader));
    let authorised = json.authorisation.map(|it| it.normalised(prices, &currency));
    let others = LineReader::each("tenders", prices).zip(json.tenders);
    let others = others.map(|(reader, tender)| tender.normalised(reader, &currency));
    let tenders = authorised.into_iter().chain(others).collect::<Result<_, _>>()?;
    Ok(Order {
        order_id: String::new(),
        placed_at: placed_at::read(&json.placed_at, "placed_at")?,
        lines: lines.collect::<Result<_, _>>()?,
        charges,
        prices_include_tax: json.prices_include_tax,
        tax_minor: prices.minor_or_zero(json.tax.as_ref(), || "tax".into())?,
        discount_minor: prices.minor_or_zero(json.discount.as_ref(), || "discount".into())?,
        total_minor: prices.minor(&required(json.total, || "total".into())?, || "total".into())?,
        tenders,
        shop: key(json.shop, "shop")?,
        shop_order_id: key(json.shop_order_id, "shop_order_id")?,
        channel: CHANNEL.into(),
        customer: json.customer.map(CustomerJson::normalised),
        ship_to: json.ship_to.map(AddressJson::normalised),
        currency,
        service_level: json.service_level.map_or(ServiceLevel::Standard, ServiceLevel::from).into(),
        presentment_currency: String::new(),
        presentment_total_minor: 0,
        ..Order::default()
    })
}

impl LineJson {
    fn normalised(self, reader: LineReader) -> Result<Line, Invalid> {
        Ok(Line {
            number: reader.number(),
            sku: self.sku,
            title: self.title,
            quantity: reader.quantity(self.quantity)?,
            total_minor: reader.minor(self.total, "total")?,
            taxes: (0..)
                .zip(self.taxes)
                .map(|(at, tax)| tax.normalised(at, reader))
                .collect::<Result<_, _>>()?,
            ..Line::default()
        })
    }
}

impl TaxJson {
    fn normalised(self, at: usize, reader: LineReader) -> Result<TaxLine, Invalid> {
        let rate_ppm = match self.rate_percent {
            None => 0,
            Some(rate) => rate_ppm(rate, PERCENT).ok_or_else(|| {
                let field = reader.path(format_args!("taxes[{at}].rate_percent"));
                Invalid::new(field, format!("expected a rate from 0 to 1000 percent, found {rate}"))
            })?,
        };
        let amount_minor = reader.minor(self.amount, format_args!("taxes[{at}].amount"))?;
        Ok(TaxLine { title: self.title, rate_ppm, amount_minor })
    }
}

impl ChargeJson {
    fn normalised(self, reader: LineReader) -> Result<Option<Charge>, Invalid> {
        let kind = required(self.kind, || reader.path("kind"))?;
        let minor = reader.minor(self.amount, "amount")?;
        Ok(charge(kind.into(), self.title, minor, Vec::new()))
    }
}

impl CustomerJson {
    fn normalised(self) -> Customer {
        Customer { customer_id: self.customer_id, name: self.name, email: self.email, ..Customer::default() }
    }
}

impl AddressJson {
    fn normalised(self) -> Address {
        Address {
            name: self.name,
            company: self.company,
            street1: self.street1,
            street2: self.street2,
            city: self.city,
            region: self.region,
            postcode: self.postcode,
            country: self.country.to_ascii_uppercase(),
            phone: self.phone,
        }
    }
}

#[cfg(test)]
mod tests;
