//! The shape of Shopify's order.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::sources::fields::amount::Amount;
use crate::sources::fields::intent::Attribute;
use crate::sources::fields::json::{id, or_default, text};
use crate::sources::fields::tax::ShopTax;

/// The fields of the order that despatch reads.
#[derive(Deserialize)]
pub(super) struct Webhook {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) order_number: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) checkout_token: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) cart_token: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) created_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) currency: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) email: String,
    pub(super) customer: Option<Buyer>,
    pub(super) shipping_address: Option<Destination>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) line_items: Vec<Item>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) shipping_lines: Vec<Method>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) note_attributes: Vec<Attribute>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) taxes_included: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) duties_included: bool,
    pub(super) original_total_duties_set: Option<MoneySet>,
    pub(super) current_total_duties_set: Option<MoneySet>,
    pub(super) original_total_additional_fees_set: Option<MoneySet>,
    pub(super) current_total_additional_fees_set: Option<MoneySet>,
    pub(super) total_tax: Option<Amount>,
    pub(super) total_discounts: Option<Amount>,
    pub(super) total_tip_received: Option<Amount>,
    pub(super) total_price: Option<Amount>,
    pub(super) total_price_set: Option<MoneySet>,
    pub(super) total_outstanding: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    pub(super) financial_status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) payment_gateway_names: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Buyer {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) first_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) last_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) email: String,
}

#[derive(Deserialize)]
pub(super) struct Destination {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) first_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) last_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) company: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) address1: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) address2: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) city: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) province: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) province_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) zip: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) country_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) phone: String,
}

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default, deserialize_with = "text")]
    pub(super) sku: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) title: String,
    pub(super) quantity: Option<i64>,
    pub(super) price: Option<Amount>,
    pub(super) total_discount: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) discount_allocations: Vec<Allocation>,
    // Boxed slices keep an item small, because a body can hold very many.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Box<[ShopTax]>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) duties: Box<[Duty]>,
    pub(super) product_id: Option<IgnoredAny>,
    pub(super) requires_shipping: Option<bool>,
    pub(super) tip: Option<IgnoredAny>,
    // Only tips have these two, and may have null.
    #[serde(default, rename = "tip_payment_gateway", deserialize_with = "is_there")]
    pub(super) has_tip_gateway: bool,
    #[serde(default, rename = "tip_payment_method", deserialize_with = "is_there")]
    pub(super) has_tip_method: bool,
}

/// Returns true for every value, null included: the field is there.
fn is_there<'de, D: Deserializer<'de>>(json: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(json).map(|_| true)
}

#[derive(Deserialize)]
pub(super) struct Allocation {
    pub(super) amount: Option<Amount>,
}

#[derive(Deserialize)]
pub(super) struct Method {
    #[serde(default, deserialize_with = "text")]
    pub(super) code: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) title: String,
    pub(super) price: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Box<[ShopTax]>,
}

/// An amount in the shop's own currency and the customer's.
#[derive(Deserialize)]
pub(super) struct MoneySet {
    pub(super) shop_money: Option<ShopMoney>,
    pub(super) presentment_money: Option<PresentmentMoney>,
}

#[derive(Deserialize)]
pub(super) struct PresentmentMoney {
    pub(super) amount: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    pub(super) currency_code: String,
}

#[derive(Deserialize)]
pub(super) struct ShopMoney {
    pub(super) amount: Option<Amount>,
}

/// The duty on the units of one line.
#[derive(Deserialize)]
pub(super) struct Duty {
    pub(super) shop_money: Option<ShopMoney>,
    pub(super) price_set: Option<MoneySet>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Box<[ShopTax]>,
}
