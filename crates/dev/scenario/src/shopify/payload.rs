//! The bodies of a Shopify shop's webhooks, with every field that Shopify sends
//! (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::order::{Destination, Item, Refund, ShopifyOrder};

const CURRENCY: &str = "USD";

/// The shop's own number of its first article.
const FIRST_PRODUCT: u64 = 8_100_000_000_000;

fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
}

/// Returns an amount in the shop's and the customer's currency, which are the same here.
fn set(minor: i64) -> Value {
    let money = json!({ "amount": decimal(minor), "currency_code": CURRENCY });
    json!({ "shop_money": money, "presentment_money": money })
}

fn at(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// Adds fields to an object.
fn with(mut object: Value, fields: Value) -> Value {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}

impl Destination {
    fn json(&self, name: &str) -> Value {
        let (first_name, last_name) = name.split_once(' ').unwrap_or((name, "-"));
        json!({
            "first_name": first_name, "last_name": last_name, "name": name, "company": null,
            "address1": self.street, "address2": null, "city": self.city, "province": self.region,
            "province_code": self.region, "zip": self.postcode, "country": "United States", "country_code": "US",
            "phone": "+15550100100", "latitude": null, "longitude": null,
        })
    }
}

impl Item {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "admin_graphql_api_id": gid("LineItem", self.id), "attributed_staffs": [],
            "product_id": FIRST_PRODUCT + self.id % 100, "variant_id": FIRST_PRODUCT + 100 + self.id % 100,
            "product_exists": true, "title": self.title, "name": self.title, "variant_title": null,
            "variant_inventory_management": "shopify", "vendor": null, "sku": self.sku,
            "quantity": self.quantity, "current_quantity": self.current, "fulfillable_quantity": self.current,
            "fulfillment_service": "manual", "fulfillment_status": null, "requires_shipping": true,
            "price": decimal(self.price_minor), "price_set": set(self.price_minor), "total_discount": decimal(0),
            "total_discount_set": set(0), "discount_allocations": [], "duties": [], "tax_lines": [], "taxable": true,
            "gift_card": false, "grams": 400, "properties": [], "sales_line_item_group_id": null,
        })
    }
}

impl ShopifyOrder {
    /// Returns the order as `orders/create`, `orders/updated`, `orders/paid` and `orders/cancelled` have it.
    pub(super) fn snapshot(&self) -> Value {
        [self.identity(), self.people(), self.shipping(), self.money(), self.originals(), nothing()]
            .into_iter()
            .fold(json!({}), with)
    }

    fn identity(&self) -> Value {
        let number = self.id % 1_000_000;
        json!({
            "id": self.id, "admin_graphql_api_id": gid("Order", self.id), "name": format!("#{number}"),
            "number": number, "order_number": number + 1000, "token": format!("token-{}", self.id),
            "order_status_url": format!("https://north.myshopify.com/orders/{}", self.id),
            "created_at": at(self.created_at), "processed_at": at(self.created_at), "updated_at": at(self.updated_at),
            "cancelled_at": self.cancelled_at.map(at), "cancel_reason": self.cancelled_at.map(|_| "customer"),
            "closed_at": null, "confirmed": true, "test": false, "source_name": "web", "tags": "",
            "fulfillment_status": null, "fulfillments": [], "returns": [], "line_item_groups": [],
            "line_items": self.items.iter().map(Item::json).collect::<Vec<_>>(),
            "refunds": self.refunds.iter().map(|refund| self.refund_json(refund)).collect::<Vec<_>>(),
        })
    }

    fn people(&self) -> Value {
        let address = self.destination.json(&self.customer);
        let id = 6_100_000_000_000 + self.id % 1_000_000;
        let default =
            json!({ "id": id, "customer_id": id, "default": true, "country_name": "United States" });
        json!({
            "email": self.email, "contact_email": self.email, "phone": null, "customer_locale": "en-US",
            "buyer_accepts_marketing": false,
            "customer": {
                "id": id, "admin_graphql_api_id": gid("Customer", id), "email": self.email, "phone": null,
                "first_name": address["first_name"], "last_name": address["last_name"], "state": "disabled",
                "created_at": at(self.created_at), "updated_at": at(self.created_at), "currency": CURRENCY,
                "note": null, "tags": "", "tax_exempt": false, "tax_exemptions": [], "verified_email": true,
                "multipass_identifier": null, "default_address": with(address.clone(), default),
            },
            "shipping_address": address, "billing_address": address,
        })
    }

    fn shipping(&self) -> Value {
        let price = Self::shipping_minor();
        json!({
            "shipping_lines": [{
                "id": self.id * 100, "code": self.method, "title": self.method, "source": "shopify", "phone": null,
                "carrier_identifier": null, "requested_fulfillment_service_id": null, "is_removed": false,
                "price": decimal(price), "price_set": set(price), "discounted_price": decimal(price),
                "discounted_price_set": set(price), "current_discounted_price_set": set(price),
                "discount_allocations": [], "tax_lines": [],
            }],
            "total_shipping_price_set": set(price), "current_shipping_price_set": set(price),
        })
    }

    /// Returns the shop's word of how far the order is paid.
    fn financial_status(&self) -> &'static str {
        let is_refunded = !self.refunds.is_empty();
        if self.cancelled_at.is_some() {
            return if is_refunded { "refunded" } else { "voided" };
        }
        match (self.kept_minor(), self.outstanding_minor()) {
            (0, _) if self.intent.is_some() => "authorized",
            (0, 1..) => "pending",
            (_, 1..) => "partially_paid",
            _ if is_refunded => "partially_refunded",
            _ => "paid",
        }
    }

    fn money(&self) -> Value {
        let shipping = Self::shipping_minor();
        let total = self.total_minor();
        let items = (total - shipping).max(0);
        let intent = self.intent.as_ref().map(|(id, _)| json!({ "name": "payment_intent", "value": id }));
        json!({
            "currency": CURRENCY, "presentment_currency": CURRENCY, "financial_status": self.financial_status(),
            "payment_gateway_names": [if self.intent.is_some() { "stripe" } else { "shopify_payments" }],
            "note_attributes": intent.into_iter().collect::<Vec<_>>(),
            "current_subtotal_price": decimal(items), "current_subtotal_price_set": set(items),
            "current_total_price": decimal(total), "current_total_price_set": set(total),
            "current_total_discounts": decimal(0), "current_total_discounts_set": set(0),
            "current_total_tax": decimal(0), "current_total_tax_set": set(0),
            "current_total_duties_set": null, "current_total_additional_fees_set": null,
            "total_outstanding": decimal(self.outstanding_minor()),
        })
    }

    /// Returns the amounts before anything was taken off.
    fn originals(&self) -> Value {
        let total = self.gross_minor();
        let items = total - Self::shipping_minor();
        json!({
            "subtotal_price": decimal(items), "subtotal_price_set": set(items),
            "total_line_items_price": decimal(items), "total_line_items_price_set": set(items),
            "total_price": decimal(total), "total_price_set": set(total), "total_weight": 400,
            "total_tax": decimal(0), "total_tax_set": set(0), "tax_lines": [], "taxes_included": false,
            "tax_exempt": false, "estimated_taxes": false, "total_discounts": decimal(0),
            "total_discounts_set": set(0), "discount_codes": [], "discount_applications": [],
            "total_tip_received": decimal(0), "original_total_duties_set": null,
            "original_total_additional_fees_set": null, "duties_included": false,
            "total_cash_rounding_payment_adjustment_set": set(0),
            "total_cash_rounding_refund_adjustment_set": set(0),
        })
    }

    /// Returns a refund as `refunds/create` and the order have it.
    pub(super) fn refund_json(&self, refund: &Refund) -> Value {
        let (id, when) = (refund.id, at(refund.at));
        let units = refund.units.map(|(item, units)| {
            let item = &self.items[item];
            let minor = item.price_minor * units;
            // Whole amounts that a JSON number has, too.
            let subtotal: Value = decimal(minor).parse::<f64>().unwrap_or_default().into();
            json!({
                "id": id + 20, "line_item_id": item.id, "line_item": item.json(), "quantity": units, "subtotal": subtotal,
                "subtotal_set": set(minor), "total_tax": 0.0, "total_tax_set": set(0), "location_id": null,
                "restock_type": "cancel",
            })
        });
        let transaction = json!({
            "id": id + 40, "admin_graphql_api_id": gid("OrderTransaction", id + 40), "order_id": self.id, "kind": "refund",
            "gateway": "shopify_payments", "status": "success", "amount": decimal(refund.amount_minor),
            "currency": CURRENCY, "created_at": when, "processed_at": when, "test": false, "parent_id": null,
            "authorization": null, "amount_rounding": null, "device_id": null, "error_code": null, "location_id": null,
            "manual_payment_gateway": false, "message": null, "payment_id": format!("{}.2", self.id), "receipt": {},
            "source_name": "web", "user_id": null, "total_unsettled_set": {
                "presentment_money": { "amount": decimal(0), "currency": CURRENCY },
                "shop_money": { "amount": decimal(0), "currency": CURRENCY },
            },
        });
        json!({
            "id": id, "admin_graphql_api_id": gid("Refund", id), "order_id": self.id, "created_at": when,
            "processed_at": when, "note": "", "user_id": 1, "restock": refund.units.is_some(), "return": null,
            "duties": [], "total_duties_set": set(0), "order_adjustments": [], "refund_shipping_lines": [],
            "refund_line_items": units.into_iter().collect::<Vec<_>>(), "transactions": [transaction],
        })
    }

    /// Returns the body of `orders/edited`: how many units an edit added to an item, or took off it.
    pub(super) fn edit_json(&self, item: usize, delta: i64) -> Value {
        let change = json!([{ "id": self.items[item].id, "delta": delta.abs() }]);
        let (additions, removals) = if delta > 0 { (change, json!([])) } else { (json!([]), change) };
        json!({ "order_edit": {
            "id": self.id * 1000 + self.updated_at.unsigned_abs() % 1000, "app_id": null, "order_id": self.id,
            "created_at": at(self.updated_at), "committed_at": at(self.updated_at), "notify_customer": false,
            "staff_note": "", "user_id": 1, "line_items": { "additions": additions, "removals": removals },
            "discounts": { "line_item": { "additions": [], "removals": [] } },
            "shipping_lines": { "additions": [], "removals": [] },
        }})
    }
}

/// Returns the fields of which these orders have nothing.
fn nothing() -> Value {
    json!({
        "app_id": null, "browser_ip": null, "cart_token": null, "checkout_token": null, "client_details": null,
        "confirmation_number": null, "device_id": null, "landing_site": null, "landing_site_ref": null,
        "location_id": null, "merchant_business_entity_id": "MTU0ODM4MDAwOQ", "merchant_of_record_app_id": null,
        "note": null, "payment_terms": null, "po_number": null, "reference": null, "referring_site": null,
        "source_identifier": null, "source_url": null, "user_id": null,
    })
}
