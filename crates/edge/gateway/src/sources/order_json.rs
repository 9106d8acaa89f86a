//! The gateway's own order JSON, as `POST /v1/orders` accepts it and `openapi.json` describes it.
//!
//! Amounts are decimal text in the order's currency. Unknown names are refused, so that a misspelt one is not silently
//! ignored.

mod lines;
mod people;
mod tenders;

use despatch_contracts::order::{Charge, ChargeKind, Order, ServiceLevel};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use self::lines::LineJson;
use self::people::{AddressJson, CustomerJson};
use self::tenders::{AuthorisationJson, TenderJson};
use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::json::{self, Id, Invalid, id, key, or_default, required, text, texts};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::{placed_at, recipient};

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
    /// The address of the bill.
    #[schema(nullable = false)]
    bill_to: Option<AddressJson>,
    /// The number that people know, such as `#5017`; by default `shop_order_id`.
    #[serde(default, deserialize_with = "text")]
    number: String,
    /// When the shop last changed the order.
    #[serde(default, deserialize_with = "text")]
    #[schema(format = DateTime)]
    updated_at: String,
    /// The buyer's tax id, such as a VAT number.
    #[serde(default, deserialize_with = "text")]
    buyer_tax_id: String,
    /// The customer's words to the shop.
    #[serde(default, deserialize_with = "text")]
    note: String,
    /// Whether the order is a gift; by default it is not.
    #[serde(default, deserialize_with = "or_default")]
    is_gift: bool,
    /// The codes of discounts that the amounts contain.
    #[serde(default, deserialize_with = "texts")]
    discount_codes: Vec<String>,
    /// The shop's own tags.
    #[serde(default, deserialize_with = "texts")]
    tags: Vec<String>,
    /// The way by which the order came into the shop, such as `web` or `pos`.
    #[serde(default, deserialize_with = "text")]
    source: String,
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
        "number": "#1001",
        "updated_at": "2026-03-01T10:05:00Z",
        "customer": {
            "customer_id": "c-12", "name": "Zoë Müller", "email": "zoe@example.com", "phone": "+1 555 0100",
            "locale": "de-CH",
            "marketing": {"state": "subscribed", "level": "confirmed_opt_in", "at": "2026-02-01T09:00:00Z"}
        },
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
        "bill_to": {
            "name": "Müller AG", "company": "Müller AG", "street1": "1 Main St", "street2": "", "city": "Louisville",
            "region": "KY", "postcode": "40202", "country": "United States", "phone": ""
        },
        "buyer_tax_id": "CHE-123.456.789 MWST",
        "note": "Ring twice",
        "is_gift": true,
        "discount_codes": ["SPRING"],
        "tags": ["wholesale"],
        "source": "web",
        "lines": [
            {"sku": "FUR-BO-10001798", "title": "Bookcase", "quantity": 2, "total": "10.00",
             "taxes": [{"title": "Sales tax", "rate_percent": 6, "amount": "0.60"}],
             "fulfilment": "ours", "removed": 0, "shop_line_id": "301", "product_id": "901", "variant_id": "7",
             "unit_price": "5.50", "discount": "1.00", "weight_grams": 400, "bundle": 2},
            {"sku": "", "title": "Study set", "quantity": 1, "total": "0.00", "fulfilment": "none"}
        ],
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
    let number_of_lines = json.lines.len();
    let lines = readers.zip(json.lines).map(|(reader, line)| line.normalised(reader, number_of_lines));
    let authorised = json.authorisation.map(|it| it.normalised(prices, &currency));
    let others = LineReader::each("tenders", prices).zip(json.tenders);
    let others = others.map(|(reader, tender)| tender.normalised(reader, &currency));
    let tenders = authorised.into_iter().chain(others).collect::<Result<_, _>>()?;
    let mut order = Order {
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
        customer: json.customer.map(CustomerJson::normalised).transpose()?,
        ship_to: json.ship_to.map(AddressJson::normalised),
        bill_to: json.bill_to.map(AddressJson::normalised),
        number: json.number,
        updated_at: placed_at::read(&json.updated_at, "updated_at")?,
        buyer_tax_id: json.buyer_tax_id,
        note: json.note,
        is_gift: json.is_gift,
        discount_codes: json.discount_codes,
        tags: json.tags,
        source: json.source,
        currency,
        service_level: json.service_level.map_or(ServiceLevel::Standard, ServiceLevel::from).into(),
        presentment_currency: String::new(),
        presentment_total_minor: 0,
        is_test: false,
    };
    recipient::name(&mut order);
    Ok(order)
}

impl ChargeJson {
    fn normalised(self, reader: LineReader) -> Result<Option<Charge>, Invalid> {
        let kind = required(self.kind, || reader.path("kind"))?;
        let minor = reader.minor(self.amount, "amount")?;
        Ok(charge(kind.into(), self.title, minor, Vec::new()))
    }
}

#[cfg(test)]
mod tests;
