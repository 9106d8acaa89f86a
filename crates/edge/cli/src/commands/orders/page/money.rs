//! Amounts on an order's page.

use despatch_contracts::order::Order;
use despatch_domain::{Currency, Money, amount};
use despatch_read_model::OrderRecord;

/// An amount without its currency.
pub(super) fn decimal(minor: i64, currency: &str) -> String {
    Currency::parse(currency).map_or_else(|_| minor.to_string(), |it| Money::new(minor, it).decimal())
}

/// Lists the amounts that are added to the lines, and the discount.
pub(super) fn extras(order: &Order) -> String {
    let parts = [
        ("shipping", order.shipping_minor),
        ("tax", order.tax_minor),
        ("discount", order.discount_minor.saturating_neg()),
    ];
    let parts = parts.into_iter().filter(|(_, minor)| *minor != 0);
    let parts = parts.map(|(name, minor)| format!("{name} {}", decimal(minor, &order.currency)));
    let parts = parts.collect::<Vec<_>>().join(", ");
    if parts.is_empty() { "total".to_owned() } else { format!("{parts}, total") }
}

/// Says how much was authorised, captured and refunded.
pub(super) fn payment(order: &Order, record: Option<&OrderRecord>, verbose: bool) -> String {
    let payment = record.and_then(|record| record.payment.as_ref());
    let released =
        record.is_some_and(|record| record.timeline.iter().any(|step| step.event == "payment.voided"));
    match (payment, &order.authorisation) {
        (Some(payment), _) if payment.captured_at.is_some() => {
            let captured = amount(payment.captured_minor, &payment.currency);
            let refunded = match payment.refunded_minor {
                0 => String::new(),
                minor => format!(", refunded {}", amount(minor, &payment.currency)),
            };
            let capture = if verbose { format!(", {}", payment.capture) } else { String::new() };
            format!("captured {captured}{refunded} ({} {}{capture})", payment.provider, payment.authorisation)
        }
        (_, Some(authorised)) => {
            let outcome = if released { "released" } else { "not captured" };
            format!(
                "authorised {}, {outcome} ({} {})",
                amount(authorised.amount_minor, &order.currency),
                authorised.provider,
                authorised.reference
            )
        }
        (_, None) => "nothing authorised".to_owned(),
    }
}
