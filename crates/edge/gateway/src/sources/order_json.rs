//! The gateway's own order JSON, as `POST /v1/orders` accepts it and `openapi.json` describes it.
//!
//! Amounts are decimal text in the order's currency. Unknown names are refused, so that a misspelt one is not silently
//! ignored.

use despatch_contracts::order::{Address, Authorisation, Customer, Line, Order, ServiceLevel};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::json::{self, Id, Invalid, id, key, or_default, required, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::placed_at;

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
    /// Tax added to the lines; by default nothing.
    #[schema(nullable = false)]
    tax: Option<Amount>,
    /// A discount that the lines do not contain, positive; by default nothing.
    #[schema(nullable = false)]
    discount: Option<Amount>,
    /// Lines, shipping and tax, less the discount.
    #[schema(required, nullable = false)]
    total: Option<Amount>,
    #[schema(inline, nullable = false)]
    service_level: Option<Level>,
    #[schema(nullable = false)]
    authorisation: Option<AuthorisationJson>,
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
}

/// The checkout's authorisation, which will be captured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Authorisation)]
struct AuthorisationJson {
    /// The provider, e.g. `stripe`.
    #[serde(default, deserialize_with = "text")]
    provider: String,
    /// The provider's own reference, e.g. a PaymentIntent's id.
    #[serde(default, deserialize_with = "text")]
    reference: String,
    /// The authorised amount.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
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
        "lines": [{"sku": "FUR-BO-10001798", "title": "Bookcase", "quantity": 2, "total": "10.00"}],
        "currency": "USD",
        "shipping": "3.50",
        "tax": "0.80",
        "discount": "1.00",
        "total": "13.30",
        "service_level": "second-class",
        "authorisation": {"provider": "stripe", "reference": "pi_1", "amount": "13.30"}
    })
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
/// `shop`, `shop_order_id`, `total`, and of each line `quantity` and `total` have to be there.
pub fn read(body: &[u8]) -> Result<Order, Invalid> {
    let json: OrderJson = json::read(body)?;
    let currency = json.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let readers = LineReader::each("lines", prices);
    let lines = readers.zip(json.lines).map(|(reader, line)| line.normalised(reader));
    Ok(Order {
        order_id: String::new(),
        placed_at: placed_at::read(&json.placed_at, "placed_at")?,
        lines: lines.collect::<Result<_, _>>()?,
        shipping_minor: prices.minor_or_zero(json.shipping.as_ref(), || "shipping".into())?,
        tax_minor: prices.minor_or_zero(json.tax.as_ref(), || "tax".into())?,
        discount_minor: prices.minor_or_zero(json.discount.as_ref(), || "discount".into())?,
        total_minor: prices.minor(&required(json.total, || "total".into())?, || "total".into())?,
        authorisation: json.authorisation.map(|it| it.normalised(prices)).transpose()?,
        shop: key(json.shop, "shop")?,
        shop_order_id: key(json.shop_order_id, "shop_order_id")?,
        channel: CHANNEL.into(),
        customer: json.customer.map(CustomerJson::normalised),
        ship_to: json.ship_to.map(AddressJson::normalised),
        currency,
        service_level: json.service_level.map_or(ServiceLevel::Standard, ServiceLevel::from).into(),
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
        })
    }
}

impl AuthorisationJson {
    fn normalised(self, prices: Prices) -> Result<Authorisation, Invalid> {
        let amount = required(self.amount, || "authorisation.amount".into())?;
        Ok(Authorisation {
            provider: self.provider,
            reference: self.reference,
            amount_minor: prices.minor(&amount, || "authorisation.amount".into())?,
            // The caller has the shop's secret, so no visitor sets this.
            proofs: Vec::new(),
        })
    }
}

impl CustomerJson {
    fn normalised(self) -> Customer {
        Customer { customer_id: self.customer_id, name: self.name, email: self.email }
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
mod tests {
    use super::*;

    const BARE: &str = r#"{"shop": "north", "shop_order_id": 7, "total": "0"}"#;

    #[test]
    fn a_whole_order_is_normalised() {
        let order = read(
            br#"{"shop": "north", "shop_order_id": "A-7", "placed_at": "2026-03-01T10:00:00+02:00",
                 "customer": {"customer_id": 12, "name": "Zo\u00eb", "email": "zoe@example.com"},
                 "ship_to": {"name": "Zo\u00eb", "street1": "1 Main St", "city": "Leeds", "postcode": "LS1", "country": "gb"},
                 "lines": [{"sku": "A", "title": "a", "quantity": 2, "total": "10.00"},
                           {"sku": "B", "quantity": 1, "total": 5}],
                 "currency": "gbp", "shipping": "3.5", "tax": "1.00", "discount": "0.50", "total": "19.00",
                 "service_level": "first-class",
                 "authorisation": {"provider": "stripe", "reference": "pi_1", "amount": "19.00"}}"#,
        )
        .unwrap();
        assert_eq!(order.placed_at.unwrap().to_string(), "2026-03-01T08:00:00Z");
        assert_eq!(
            order.lines.iter().map(|line| (line.number, line.total_minor)).collect::<Vec<_>>(),
            [(1, 1000), (2, 500)]
        );
        assert_eq!((order.currency.as_str(), order.ship_to.unwrap().country.as_str()), ("GBP", "GB"));
        assert_eq!(
            (order.shipping_minor, order.tax_minor, order.discount_minor, order.total_minor),
            (350, 100, 50, 1900)
        );
        assert_eq!(order.customer.unwrap().customer_id, "12");
        assert_eq!(order.service_level, i32::from(ServiceLevel::FirstClass));
        assert_eq!(order.authorisation.unwrap().amount_minor, 1900);
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let order = read(BARE.as_bytes()).unwrap();
        assert_eq!((order.customer, order.ship_to, order.authorisation), (None, None, None));
        assert_eq!((order.lines.len(), order.currency.as_str(), order.placed_at), (0, "", None));
    }

    #[test]
    fn a_misspelt_name_is_refused() {
        let invalid = read(br#"{"shop": "north", "lines": [{"qty": 1}]}"#).unwrap_err();
        assert_eq!(invalid.field, "lines[0].qty");
    }
}
