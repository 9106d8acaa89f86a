//! WooCommerce's order, as its webhooks carry it, parsed into an order.
//!
//! The fields are those of the REST API's order (<https://woocommerce.github.io/woocommerce-rest-api-docs/#orders>).

mod bundles;
mod charges;
mod lines;
mod people;
mod refunds;
mod webhook;

use despatch_contracts::order::{ChargeKind, Customer, Order};
use despatch_contracts::tender;

use self::charges::Rates;
use self::lines::{is_collected, lines};
use self::webhook::Webhook;
use crate::sources::announced::Announced;
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::charge::charge;
use crate::sources::fields::intent::intent;
use crate::sources::fields::json::{self, Invalid, key, required};
use crate::sources::fields::name::first_of;
use crate::sources::fields::tenders::{Paid, Payment, Total};
use crate::sources::fields::{attributes, placed_at, recipient, rounding, service_level};
use crate::sources::shopify_money::Movement;

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "woocommerce";

/// Parses an order that its webhook announces.
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    read_announced(body, shop).map(|announced| announced.order)
}

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total`, and `quantity` and `total` of each line item are required.
///
/// - A line's total is after its discounts and before tax, even in a shop whose prices include tax. So the order's tax
///   always adds, and no discount is left for the whole order.
/// - Shipping and fees are charges, before tax too. A negative fee takes something off.
/// - Refunds from before take their amounts and their units off.
/// - `total`, less the refunds, is right: if the parts miss it by no more than their rounding, the difference is a charge.
/// - The buyer is the billed person. A guest has customer id 0, which names no account.
/// - WooCommerce sends an address of empty texts for "none".
pub(crate) fn read_announced(body: &[u8], shop: &str) -> Result<Announced, Invalid> {
    let mut webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    // A shop may keep its parts with more decimals than the currency has. Its total is exact.
    let prices = Prices::rounded(&currency);
    let total = required(webhook.total.as_ref(), || "total".into())?;
    let total = Prices::of(&currency).minor(total, || "total".into())?;
    let methods = webhook.shipping_lines.iter().flat_map(|it| [&*it.method_id, &*it.method_title]);
    let service_level = service_level::of_method(methods);

    let rates = Rates::of(&webhook.tax_lines, prices);
    let mut charges = webhook.shipping(prices, &rates)?;
    for (at, fee) in webhook.fee_lines.iter().enumerate() {
        let minor = prices.minor_or_zero(fee.total.as_ref(), || format!("fee_lines[{at}].total"))?;
        let taxes = rates.taxes(&fee.taxes, &fee.total_tax);
        charges.extend(charge(ChargeKind::Fee, fee.name.clone(), minor, taxes));
    }
    let items = std::mem::take(&mut webhook.line_items);
    let refunded = refunds::read(&webhook.refunds, &items, &webhook.shipping_lines, prices)?;
    let is_collected = is_collected(&webhook.shipping_lines);
    let (lines, taken_off_tax) = lines(items, &refunded.units, is_collected, prices, &rates)?;
    let total_minor = amount::sum([total, refunded.minor.saturating_neg()], "refunds")?;
    let total_tax = prices.minor_or_zero(webhook.total_tax.as_ref(), || "total_tax".into())?;

    let billing = webhook.billing.take();
    let customer =
        billing.as_ref().and_then(|billing| billing.customer(std::mem::take(&mut webhook.customer_id)));
    let phone = billing.as_ref().map(|billing| billing.phone.clone()).unwrap_or_default();
    let customer =
        customer.map(|customer| Customer { locale: attributes::language(&webhook.meta_data), ..customer });
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
        refunded: refunded.minor,
        authorised: (total != total_minor).then(|| Total { minor: total, currency: currency.clone() }),
    };
    let refund = |(reference, minor): &(String, i64)| Movement::Refunded {
        provider: tender::SHOP,
        reference: reference.clone(),
        minor: *minor,
        currency: currency.clone(),
    };
    let is_held_by_shop = payment.is_held_by_shop();
    let refunds = refunded.each.iter().filter(|_| is_held_by_shop).map(refund).collect();
    let number = first_of([webhook.number, webhook.id.clone()]);
    let mut order = Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&utc(&webhook.date_created_gmt), "date_created_gmt")?,
        updated_at: placed_at::note(&utc(&webhook.date_modified_gmt)),
        lines,
        charges,
        tax_minor: amount::sum([total_tax, taken_off_tax.saturating_neg()], "total_tax")?,
        discount_minor: 0,
        total_minor,
        tenders: payment.tenders(),
        presentment_currency: String::new(),
        presentment_total_minor: 0,
        ship_to: webhook.shipping.and_then(|shipping| shipping.address(&phone)),
        bill_to: billing.and_then(|billing| billing.address("")),
        customer,
        service_level: service_level.into(),
        currency,
        prices_include_tax: webhook.prices_include_tax,
        number,
        buyer_tax_id: attributes::tax_id(&webhook.meta_data),
        is_gift: attributes::is_gift(&webhook.meta_data),
        note: webhook.customer_note,
        discount_codes: webhook
            .coupon_lines
            .into_iter()
            .map(|it| it.code)
            .filter(|it| !it.is_empty())
            .collect(),
        tags: Vec::new(),
        source: webhook.created_via,
        is_test: false,
    };
    recipient::name(&mut order);
    if !rounding::settle(&mut order) && refunded.minor != 0 {
        rounding::refunded(
            &mut order,
            if refunded.is_unclear { ChargeKind::Refund } else { ChargeKind::Fee },
        );
    }
    let is_cancelled = ["cancelled", "trash"].contains(&&*webhook.status);
    let is_done = ["completed", "refunded"].contains(&&*webhook.status);
    Ok(Announced { order, is_cancelled, is_done, refunds })
}

/// Returns a time in UTC with the offset that WooCommerce leaves out.
fn utc(gmt: &str) -> String {
    if gmt.is_empty() { String::new() } else { format!("{}Z", gmt.trim_end_matches('Z')) }
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

#[cfg(test)]
mod tests;
