//! The texts and amounts for a message's template.

use despatch_contracts::order::{self, Address, ChargeKind, Order};
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::shipment::{ReadyForPickup, Scan};
use despatch_domain::{amount, carrier};
use serde::Serialize;

/// The values for a template; empty where the milestone has none.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TemplateData {
    pub(crate) shop: String,
    pub(crate) name: String,
    /// The order number that the customer knows.
    pub(crate) order: String,
    pub(crate) lines: Vec<Line>,
    /// All charges but the rounding.
    pub(crate) charges: Vec<Charge>,
    pub(crate) tax: String,
    pub(crate) discount: String,
    pub(crate) rounding: String,
    pub(crate) total: String,
    pub(crate) address: Vec<String>,
    /// Whether the customer gets a parcel from us.
    pub(crate) is_shipped: bool,
    /// Whether the customer collects some of it.
    pub(crate) is_collected: bool,
    pub(crate) parcel: u32,
    pub(crate) parcels: u32,
    pub(crate) carrier: String,
    pub(crate) tracking_number: String,
    /// The carrier's page; empty if it is not known.
    pub(crate) tracking_url: String,
    pub(crate) review_url: String,
    pub(crate) unsubscribe_url: String,
    /// The order's page; empty in mails that are not about the order itself.
    pub(crate) order_url: String,
}

/// One line of the order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    quantity: i64,
    title: String,
    total: String,
}

/// One charge of the order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Charge {
    title: String,
    amount: String,
}

impl TemplateData {
    /// Returns the data of an order.
    pub(crate) fn of_order(order: &Order) -> Self {
        let amount = |minor| amount(minor, &order.currency);
        let unless_zero = |minor| if minor == 0 { String::new() } else { amount(minor) };
        let line = |line: &order::Line| Line {
            quantity: line.quantity.saturating_sub(line.removed),
            title: one_line(if line.title.is_empty() { &line.sku } else { &line.title }),
            total: amount(line.total_minor),
        };
        let is_rounding = |charge: &&order::Charge| charge.kind() == ChargeKind::Rounding;
        let charges = order.charges.iter().filter(|charge| !is_rounding(charge));
        let rounding = order.charges.iter().find(is_rounding);
        TemplateData {
            lines: order.lines.iter().filter(|it| it.quantity > it.removed).map(line).collect(),
            charges: charges.map(|it| charge(it, &order.currency)).collect(),
            tax: unless_zero(order.tax_minor),
            discount: unless_zero(order.discount_minor.saturating_neg()),
            rounding: rounding.map(|it| amount(it.amount_minor)).unwrap_or_default(),
            total: amount(order.total_minor),
            address: order.ship_to.as_ref().map(address).unwrap_or_default(),
            is_shipped: order.is_shipped(),
            is_collected: order.is_collected(),
            ..TemplateData::default()
        }
    }

    /// Returns the data of a carrier's scan.
    pub(crate) fn of_scan(scan: &Scan) -> Self {
        TemplateData {
            parcel: scan.position,
            parcels: scan.parcels,
            carrier: one_line(&carrier::name(&scan.carrier)),
            tracking_url: carrier::tracking_url(&scan.carrier, &scan.tracking_number).unwrap_or_default(),
            tracking_number: one_line(&scan.tracking_number),
            ..TemplateData::default()
        }
    }

    /// Returns the data of a parcel that the customer can collect.
    pub(crate) fn of_ready(ready: &ReadyForPickup) -> Self {
        TemplateData {
            parcel: ready.position,
            parcels: ready.parcels,
            address: ready.place.as_ref().map(address).unwrap_or_default(),
            ..TemplateData::default()
        }
    }

    /// Returns the data of a refund.
    pub(crate) fn of_refund(refund: &PaymentRefunded) -> Self {
        TemplateData { total: amount(refund.amount_minor, &refund.currency), ..TemplateData::default() }
    }
}

/// Returns a charge by its kind. A fee has the shop's own name, and shipping has it behind.
fn charge(charge: &order::Charge, currency: &str) -> Charge {
    let title = one_line(&charge.title);
    let title = match charge.kind() {
        ChargeKind::Shipping if title.is_empty() => "Shipping".to_owned(),
        ChargeKind::Shipping => format!("Shipping ({title})"),
        ChargeKind::Fee | ChargeKind::Unspecified if title.is_empty() => "Fee".to_owned(),
        ChargeKind::Fee | ChargeKind::Unspecified => title,
        ChargeKind::Duty => "Duties".to_owned(),
        ChargeKind::Tip => "Tip".to_owned(),
        ChargeKind::Rounding => "Rounding".to_owned(),
        ChargeKind::Refund => "Refund".to_owned(),
    };
    Charge { title, amount: amount(charge.amount_minor, currency) }
}

/// Replaces line breaks and other control characters, so that the text can be a header.
pub(crate) fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn address(address: &Address) -> Vec<String> {
    let Address { name, company, street1, street2, city, region, postcode, country, phone: _ } = address;
    let place = format!("{city} {region} {postcode}");
    [name, company, street1, street2, &place, country]
        .into_iter()
        .map(|line| one_line(line))
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_start_a_line_of_its_own() {
        assert_eq!(one_line("Eve\r\nBcc: all@example.com\t!"), "Eve Bcc: all@example.com !");
    }
}
