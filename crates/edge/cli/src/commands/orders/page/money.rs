//! Amounts on an order's page.

use despatch_contracts::order::{Charge, ChargeKind, Order, Tender, TenderState};
use despatch_domain::{Currency, Money, amount};
use despatch_read_model::{OrderRecord, payments};

/// An amount without its currency.
pub(super) fn decimal(minor: i64, currency: &str) -> String {
    Currency::parse(currency).map_or_else(|_| minor.to_string(), |it| Money::new(minor, it).decimal())
}

/// Lists the charges, the tax and the discount. The rounding is the last, because it is the difference to all others.
pub(super) fn extras(order: &Order) -> Vec<String> {
    let is_rounding = |charge: &&Charge| charge.kind() == ChargeKind::Rounding;
    let named = |charge: &Charge| (charge.kind().name(), charge.amount_minor);
    let charges = order.charges.iter().filter(|charge| !is_rounding(charge)).map(named);
    let rounding = order.charges.iter().filter(is_rounding).map(named);
    let others = [("tax", order.tax_minor), ("discount", order.discount_minor.saturating_neg())];
    let parts = charges.chain(others).chain(rounding).filter(|(_, minor)| *minor != 0);
    parts.map(|(name, minor)| format!("{name} {}", decimal(minor, &order.currency))).collect()
}

/// Says how the order is paid: how much was authorised, captured and refunded of each tender.
pub(super) fn payment(order: &Order, record: Option<&OrderRecord>, verbose: bool) -> String {
    let payment = record.and_then(|record| record.payment.as_ref());
    let captured = payment.map_or(&[][..], |payment| &payment.tenders);
    let tenders = (1..).zip(&order.tenders).map(|(number, ordered)| {
        match captured.iter().find(|it| it.number == number) {
            Some(tender) => paid(tender, ordered, verbose),
            None => unpaid(ordered, record),
        }
    });
    let tenders: Vec<String> = tenders.collect();
    match captured {
        [nothing] if order.tenders.is_empty() => {
            format!("captured {}", amount(nothing.captured_minor, &nothing.currency))
        }
        _ if tenders.is_empty() => "nothing authorised".to_owned(),
        _ => tenders.join("; "),
    }
}

fn paid(tender: &payments::Tender, ordered: &Tender, verbose: bool) -> String {
    if tender.captured_minor == 0 {
        return format!("{} {}", amount(ordered.amount_minor, &ordered.currency), holder(ordered));
    }
    let captured = amount(tender.captured_minor, &tender.currency);
    let refunded = match tender.refunded_minor {
        0 => String::new(),
        minor => format!(", refunded {}", amount(minor, &tender.currency)),
    };
    let capture =
        if verbose && !tender.capture.is_empty() { format!(", {}", tender.capture) } else { String::new() };
    let how = if tender.capture.is_empty() { "paid" } else { "captured" };
    format!("{how} {captured}{refunded} ({}{capture})", holder(ordered))
}

fn unpaid(tender: &Tender, record: Option<&OrderRecord>) -> String {
    let released =
        record.is_some_and(|record| record.timeline.iter().any(|step| step.event == "payment.voided"));
    let amount = amount(tender.amount_minor, &tender.currency);
    let state = match tender.state() {
        TenderState::Unspecified | TenderState::Authorised if released => "authorised, released",
        TenderState::Unspecified | TenderState::Authorised => "authorised, not captured",
        TenderState::Captured => "paid",
        TenderState::Pending => "pending",
        TenderState::Failed => "failed",
        TenderState::Void => "void",
    };
    // The amount stands between the two words of a state.
    match state.split_once(", ") {
        Some((authorised, outcome)) => format!("{authorised} {amount}, {outcome} ({})", holder(tender)),
        None => format!("{state} {amount} ({})", holder(tender)),
    }
}

/// Names the holder of the money, as the shop does if it does.
fn holder(tender: &Tender) -> String {
    let name = if tender.name.is_empty() { &tender.provider } else { &tender.name };
    format!("{name} {}", tender.reference).trim_end().to_owned()
}
