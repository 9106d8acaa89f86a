//! The shape of WooCommerce's order.

use serde::Deserialize;
use serde_json::Value;

use crate::sources::fields::amount::Amount;
use crate::sources::fields::intent::Attribute;
use crate::sources::fields::json::{id, or_default, text, units, words, yes};

/// The fields of the order that despatch reads.
#[derive(Deserialize)]
pub(super) struct Webhook {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) number: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) order_key: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) date_created_gmt: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) date_modified_gmt: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) created_via: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) customer_note: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) coupon_lines: Vec<Coupon>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) refunds: Vec<Refund>,
    #[serde(default, deserialize_with = "text")]
    pub(super) currency: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) customer_id: String,
    pub(super) billing: Option<Contact>,
    pub(super) shipping: Option<Contact>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) line_items: Vec<Item>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fee_lines: Vec<Fee>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) shipping_lines: Vec<ShippingLine>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) meta_data: Vec<Attribute>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Vec<TaxRate>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) prices_include_tax: bool,
    pub(super) shipping_total: Option<Amount>,
    pub(super) total_tax: Option<Amount>,
    pub(super) total: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    pub(super) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) payment_method: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) payment_method_title: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) transaction_id: String,
}

#[derive(Deserialize)]
pub(super) struct Contact {
    #[serde(default, deserialize_with = "words")]
    pub(super) first_name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) last_name: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) company: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) address_1: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) address_2: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) city: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) state: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) postcode: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) country: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) email: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) phone: String,
}

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default, deserialize_with = "text")]
    pub(super) sku: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) product_id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) variation_id: String,
    #[serde(default, deserialize_with = "units")]
    pub(super) quantity: Option<i64>,
    pub(super) subtotal: Option<Amount>,
    pub(super) total: Option<Amount>,
    #[serde(default, rename = "virtual", deserialize_with = "yes")]
    pub(super) is_virtual: bool,
    #[serde(default, deserialize_with = "yes")]
    pub(super) downloadable: bool,
    // Of bundles, as their plugins write them.
    #[serde(default)]
    pub(super) bundled_by: Value,
    #[serde(default)]
    pub(super) bundled_items: Value,
    #[serde(default)]
    pub(super) composite_parent: Value,
    #[serde(default)]
    pub(super) composite_children: Value,
    #[serde(default)]
    pub(super) mnm_container: Value,
    #[serde(default)]
    pub(super) mnm_contents: Value,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) meta_data: Vec<Attribute>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) taxes: Box<[Tax]>,
    #[serde(default)]
    pub(super) total_tax: Value,
}

#[derive(Deserialize)]
pub(super) struct Fee {
    #[serde(default, deserialize_with = "words")]
    pub(super) name: String,
    pub(super) total: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) taxes: Box<[Tax]>,
    #[serde(default)]
    pub(super) total_tax: Value,
}

#[derive(Deserialize)]
pub(super) struct ShippingLine {
    #[serde(default, deserialize_with = "text")]
    pub(super) method_id: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) method_title: String,
    pub(super) total: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) taxes: Box<[Tax]>,
    #[serde(default)]
    pub(super) total_tax: Value,
}

/// A rate's part of a line's tax.
#[derive(Deserialize)]
pub(super) struct Tax {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) total: Value,
}

/// A tax rate of the order.
#[derive(Deserialize)]
pub(super) struct TaxRate {
    #[serde(default, deserialize_with = "id")]
    pub(super) rate_id: String,
    #[serde(default, deserialize_with = "words")]
    pub(super) label: String,
    #[serde(default)]
    pub(super) rate_percent: Value,
}

#[derive(Deserialize)]
pub(super) struct Coupon {
    #[serde(default, deserialize_with = "text")]
    pub(super) code: String,
}

/// Money that the shop gave back. WooCommerce itself says only how much; plugins add the lines.
#[derive(Deserialize)]
pub(super) struct Refund {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    pub(super) total: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) line_items: Vec<RefundedItem>,
}

#[derive(Deserialize)]
pub(super) struct RefundedItem {
    #[serde(default, deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) product_id: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) variation_id: String,
    #[serde(default, deserialize_with = "units")]
    pub(super) quantity: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) meta_data: Vec<Attribute>,
}
