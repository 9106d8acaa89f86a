//! Shopify's order, as its webhooks carry it, parsed into an order.
//!
//! The fields are those of the REST Admin API's Order resource
//! (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>). Amounts are in the shop's own currency.

mod charges;
mod contents;
mod lines;
mod people;
mod webhook;

use despatch_contracts::order::{ChargeKind, Order, Tender};

use self::charges::is_duty;
use self::contents::Contents;
use self::webhook::{MoneySet, Webhook};
use crate::sources::announced::Announced;
use crate::sources::fields::amount::{self, Prices};
use crate::sources::fields::intent::intent;
use crate::sources::fields::json::{self, Invalid, key, required};
use crate::sources::fields::name::first_of;
use crate::sources::fields::tenders::{Paid, Payment, Total};
use crate::sources::fields::{attributes, placed_at, recipient, rounding, service_level};

/// The channel of these orders.
pub(crate) const CHANNEL: &str = "shopify";

/// Parses an order that its webhook announces.
pub fn read(body: &[u8], shop: &str) -> Result<Order, Invalid> {
    read_announced(body, shop).map(|announced| announced.order)
}

/// Parses an order. `shop` is the shop's name in despatch. The order has no `order_id` yet; only its shape is checked.
///
/// `id`, `total_price`, and `quantity` and `price` of each line item are required.
///
/// - A line's total is its price times its quantity, less the discounts allocated to it.
/// - `total_discounts` is the sum of all discounts. The order's own discount is the part that no line holds, which
///   covers discounted shipping, whose `price` is before discounts.
/// - A tip is a charge, counted once: as the line item that Shopify makes of it, else as `total_tip_received`.
/// - Duties are a charge, counted once: as the order's sum, else as the lines' duties. Shopify lists them beside
///   `total_tax`, which has only the taxes on them. Prices that include duties (`duties_included`) leave no charge. Neither
///   does a total that is right only without them, because then a price or a tax holds them.
/// - Tax adds to the total only if prices do not include it.
/// - Units that the shop took off or refunded before (`current_quantity`) are no part of the amounts. `current_total_price`
///   is then the total; without it, `total_price` less the price of these units.
/// - The total is right: if the parts miss it by no more than their rounding, the difference is a charge.
pub(crate) fn read_announced(body: &[u8], shop: &str) -> Result<Announced, Invalid> {
    let mut webhook: Webhook = json::read(body)?;
    let currency = webhook.currency.to_ascii_uppercase();
    let prices = Prices::of(&currency);
    let total_price = required(webhook.total_price.as_ref(), || "total_price".into())?;
    let total_price = prices.minor(total_price, || "total_price".into())?;
    let methods = webhook.shipping_lines.iter().filter(|method| !method.is_removed);
    let service_level = service_level::of_method(methods.flat_map(|it| [&*it.code, &*it.title]));
    let is_collected = webhook.is_collected();
    let (customer, ship_to, bill_to) = webhook.people();

    let Contents { lines, charges, tax_minor, discount_minor, total_minor } =
        webhook.contents(prices, total_price, is_collected)?;

    let proofs = [
        ("order_id", &*webhook.id),
        ("order_number", &*webhook.order_number),
        ("checkout_token", &*webhook.checkout_token),
        ("cart_token", &*webhook.cart_token),
    ];
    let intent = intent(&webhook.note_attributes, proofs);
    let whole = presented(webhook.total_price_set.as_ref(), &currency)?;
    let is_reduced = total_minor != total_price;
    let presented = match &webhook.current_total_price_set {
        None if is_reduced => None,
        None => whole.clone(),
        current => presented(current.as_ref(), &currency)?,
    };
    let whole = whole.unwrap_or_else(|| Total { minor: total_price, currency: currency.clone() });
    let outstanding =
        prices.minor_or_zero(webhook.total_outstanding.as_ref(), || "total_outstanding".into())?;
    let total = Total { minor: total_minor, currency: currency.clone() };
    let has_refunds = !webhook.refunds.is_empty();
    let mut refunds = Vec::new();
    for (at, refund) in std::mem::take(&mut webhook.refunds).into_iter().enumerate() {
        refunds.extend(refund.movements(|field| format!("refunds[{at}].{field}"))?);
    }
    let refunded = refunds.iter().map(|it| it.refunded(&currency));
    // A shop that took more than the order costs by now has yet to give it back.
    let refunded = amount::sum(refunded.chain([outstanding.min(0).saturating_neg()]), "refunds")?;
    let payment = Payment {
        refunded,
        presented: presented.clone(),
        authorised: Some(whole).filter(|_| is_reduced),
        ..webhook.payment(intent, outstanding, total)
    };
    if !payment.is_held_by_shop() {
        refunds.clear();
    }
    let presented = presented.unwrap_or(Total { minor: 0, currency: String::new() });

    let mut order = Order {
        order_id: String::new(),
        shop: shop.to_owned(),
        number: first_of([webhook.name, webhook.order_number]),
        shop_order_id: key(webhook.id, "id")?,
        channel: CHANNEL.into(),
        placed_at: placed_at::read(&webhook.created_at, "created_at")?,
        updated_at: placed_at::note(&webhook.updated_at),
        customer,
        ship_to,
        bill_to,
        lines,
        charges,
        tax_minor,
        discount_minor,
        total_minor,
        tenders: payment.tenders(),
        presentment_currency: presented.currency,
        presentment_total_minor: presented.minor,
        service_level: service_level.into(),
        currency,
        prices_include_tax: webhook.taxes_included,
        buyer_tax_id: attributes::tax_id(&webhook.note_attributes),
        is_gift: attributes::is_gift(&webhook.note_attributes),
        note: webhook.note,
        discount_codes: webhook
            .discount_codes
            .into_iter()
            .map(|it| it.code)
            .filter(|it| !it.is_empty())
            .collect(),
        tags: webhook.tags.split(',').map(str::trim).filter(|it| !it.is_empty()).map(Into::into).collect(),
        source: webhook.source_name,
        is_test: webhook.test,
    };
    recipient::name(&mut order);
    settle(&mut order, has_refunds);
    Ok(Announced { order, is_cancelled: !webhook.cancelled_at.is_empty(), is_done: false, refunds })
}

impl Webhook {
    /// Returns how the order is paid, if nothing was taken off it and its customer saw the shop's currency.
    fn payment(&self, intent: Option<Tender>, outstanding: i64, total: Total) -> Payment {
        let names = &self.payment_gateway_names;
        Payment {
            paid: paid(&self.financial_status, outstanding),
            intent,
            name: names.join(", "),
            reference: String::new(),
            is_on_delivery: names.iter().any(|name| is_on_delivery(name)),
            is_gift_card: names.iter().any(|name| name == GIFT_CARD)
                && names.iter().all(|name| name == GIFT_CARD || name == "stripe"),
            total,
            presented: None,
            authorised: None,
            refunded: 0,
        }
    }
}

/// Makes the order add up, if its duties, its rounding or what the shop refunded explain the difference.
fn settle(order: &mut Order, has_refunds: bool) {
    if rounding::settle(order) {
        return;
    }
    if order.charges.iter().any(is_duty) {
        let mut without = order.clone();
        without.charges.retain(|charge| !is_duty(charge));
        if rounding::settle(&mut without) {
            *order = without;
            return;
        }
    }
    // Lines say exactly which units a refund took off. The rest of it is for shipping, or of goodwill.
    if has_refunds {
        rounding::refunded(order, ChargeKind::Fee);
    }
}

/// Shopify's name of the gateway of its gift cards.
const GIFT_CARD: &str = "gift_card";

/// Returns what a `financial_status` says, with what is outstanding of an order that is partly paid.
fn paid(financial_status: &str, outstanding: i64) -> Paid {
    match financial_status {
        "paid" | "partially_refunded" => Paid::InShop,
        "authorized" => Paid::Authorised,
        "partially_paid" => Paid::Partly { outstanding },
        "pending" => Paid::Pending,
        "voided" | "expired" | "refunded" => Paid::Void,
        _ => Paid::Unsaid,
    }
}

/// Whether a payment method's name is that of Shopify's cash on delivery.
fn is_on_delivery(name: &str) -> bool {
    name.to_ascii_lowercase().contains("cash on delivery")
}

/// Returns the total that the customer saw, if it is in another currency than the shop's.
fn presented(set: Option<&MoneySet>, currency: &str) -> Result<Option<Total>, Invalid> {
    let Some(seen) = set.and_then(|set| set.presentment_money.as_ref()) else { return Ok(None) };
    let code = seen.currency_code.to_ascii_uppercase();
    let Some(amount) = seen.amount.as_ref().filter(|_| !code.is_empty() && code != currency) else {
        return Ok(None);
    };
    let minor = Prices::of(&code).minor(amount, || "total_price_set.presentment_money.amount".into())?;
    Ok(Some(Total { minor, currency: code }))
}

#[cfg(test)]
mod tests;
