//! The shape of Shopify's order.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::sources::fields::amount::Amount;
use crate::sources::fields::intent::Attribute;
use crate::sources::fields::json::{id, or_default, text, units, words};
use crate::sources::fields::tax::ShopTax;
use crate::sources::shopify_money::Refund;

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
    pub(super) updated_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) cancelled_at: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) test: bool,
    #[serde(default, deserialize_with = "words")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) source_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) email: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) contact_email: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) phone: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) customer_locale: String,
    pub(super) buyer_accepts_marketing: Option<bool>,
    #[serde(default, deserialize_with = "words")]
    pub(super) note: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) tags: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) discount_codes: Vec<Code>,
    pub(super) customer: Option<Buyer>,
    pub(super) shipping_address: Option<Destination>,
    pub(super) billing_address: Option<Destination>,
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
    // After what the shop changed and refunded.
    pub(super) current_total_price: Option<Amount>,
    pub(super) current_total_price_set: Option<MoneySet>,
    pub(super) current_total_tax: Option<Amount>,
    pub(super) current_total_discounts: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) refunds: Vec<Refund>,
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
    #[serde(default, deserialize_with = "words")]
    pub(super) first_name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) last_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) email: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) phone: String,
    pub(super) email_marketing_consent: Option<Consent>,
}

/// The customer's word on marketing by e-mail.
#[derive(Deserialize)]
pub(super) struct Consent {
    #[serde(default, deserialize_with = "text")]
    pub(super) state: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) opt_in_level: String,
    #[serde(default, rename = "consent_updated_at", deserialize_with = "text")]
    pub(super) updated_at: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    #[serde(default, deserialize_with = "text")]
    pub(super) code: String,
}

#[derive(Deserialize)]
pub(super) struct Destination {
    #[serde(default, deserialize_with = "words")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) first_name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) last_name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) company: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) address1: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) address2: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) city: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) province: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) province_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) zip: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) country: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) country_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) phone: String,
}

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default, deserialize_with = "text")]
    pub(super) sku: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) title: String,
    #[serde(default, deserialize_with = "units")]
    pub(super) quantity: Option<i64>,
    // Less what was taken off or refunded.
    #[serde(default, deserialize_with = "units")]
    pub(super) current_quantity: Option<i64>,
    // Less what was sent, too.
    #[serde(default, deserialize_with = "units")]
    pub(super) fulfillable_quantity: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) fulfillment_status: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) fulfillment_service: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) gift_card: bool,
    pub(super) grams: Option<i64>,
    pub(super) price: Option<Amount>,
    pub(super) total_discount: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) discount_allocations: Vec<Allocation>,
    // Boxed slices keep an item small, because a body can hold very many.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Box<[ShopTax]>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) duties: Box<[Duty]>,
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) product_id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) variant_id: String,
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
    #[serde(default, deserialize_with = "words")]
    pub(super) title: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) delivery_category: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) is_removed: bool,
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
