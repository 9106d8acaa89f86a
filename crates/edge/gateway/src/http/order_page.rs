//! An order as its customer sees it: in their words, without internal states or reasons.

use despatch_contracts::order::{self, Address};
use despatch_domain::{amount, carrier};
use despatch_read_model::CustomerOrder;
use despatch_read_model::labels::LabelState;
use despatch_read_model::payments::Refund;
use despatch_status::{OrderState, ParcelStage};
use serde::Serialize;

use crate::sources::address_form::{Field, FieldError, LONGEST};

/// The values of the page that shows an order.
#[derive(Debug, Serialize)]
pub(crate) struct OrderView {
    token: String,
    number: String,
    heading: &'static str,
    sentence: &'static str,
    /// The result of a request that was just made; empty without one.
    notice: &'static str,
    parcels: Vec<ParcelView>,
    lines: Vec<LineView>,
    total: String,
    refunds: Vec<RefundView>,
    address: Vec<String>,
    is_open: bool,
    has_address: bool,
}

#[derive(Debug, Serialize)]
struct ParcelView {
    number: u32,
    words: &'static str,
    carrier: String,
    tracking_number: String,
    tracking_url: Option<String>,
}

#[derive(Debug, Serialize)]
struct LineView {
    quantity: i64,
    title: String,
    removed: i64,
    total: String,
}

#[derive(Debug, Serialize)]
struct RefundView {
    amount: String,
    words: String,
}

impl OrderView {
    pub(crate) fn new(found: &CustomerOrder, token: &str, notice: &'static str) -> Self {
        let CustomerOrder { order, record, .. } = found;
        let (heading, sentence) = headline(found);
        let payment = record.payment.as_ref();
        OrderView {
            token: token.to_owned(),
            number: order.shown_number().to_owned(),
            heading,
            sentence,
            notice,
            parcels: record.parcels.iter().filter(|parcel| goes(parcel)).map(parcel).collect(),
            lines: order.lines.iter().map(|it| line(it, &order.currency)).collect(),
            total: amount(order.total_minor, &order.currency),
            refunds: payment.map(|it| it.refunds.iter().filter_map(refund).collect()).unwrap_or_default(),
            address: order.ship_to.as_ref().map(|it| address(it, is_open(found))).unwrap_or_default(),
            is_open: is_open(found),
            has_address: order.ship_to.is_some(),
        }
    }
}

/// The values of the page that asks whether to cancel.
#[derive(Debug, Serialize)]
pub(crate) struct CancelView {
    token: String,
    number: String,
    is_open: bool,
    closed: &'static str,
}

impl CancelView {
    pub(crate) fn new(found: &CustomerOrder, token: &str) -> Self {
        CancelView {
            token: token.to_owned(),
            number: found.order.shown_number().to_owned(),
            is_open: is_open(found),
            closed: closed(found),
        }
    }
}

/// The values of the page with the form of the address.
#[derive(Debug, Serialize)]
pub(crate) struct AddressView {
    token: String,
    number: String,
    is_open: bool,
    closed: &'static str,
    fields: Vec<FieldView>,
    country: String,
    country_error: String,
    errors: Vec<String>,
    longest: usize,
}

#[derive(Debug, Serialize)]
struct FieldView {
    name: &'static str,
    label: String,
    value: String,
    /// WCAG 2.2, 1.3.5: the browser can fill the field in.
    autocomplete: &'static str,
    required: bool,
    error: String,
}

impl AddressView {
    /// Shows an address, the order's or the one that was typed, and its errors.
    pub(crate) fn new(found: &CustomerOrder, token: &str, address: &Address, errors: &[FieldError]) -> Self {
        let former = found.order.ship_to.clone().unwrap_or_default();
        let words = |field| {
            errors
                .iter()
                .find(|error| error.field == field)
                .map(|error| error.words.clone())
                .unwrap_or_default()
        };
        let field = |field: Field| {
            let (label, autocomplete) = label(field);
            let required = field.is_required(&former);
            FieldView {
                name: field.name(),
                label: if required { label.to_owned() } else { format!("{label} (optional)") },
                value: field.of(address).to_owned(),
                autocomplete,
                required,
                error: words(field),
            }
        };
        AddressView {
            token: token.to_owned(),
            number: found.order.shown_number().to_owned(),
            is_open: is_open(found) && found.order.ship_to.is_some(),
            closed: if is_open(found) {
                "This order has no address, because nothing of it is sent."
            } else {
                closed(found)
            },
            fields: Field::SHOWN.into_iter().map(field).collect(),
            country: former.country,
            country_error: words(Field::Country),
            errors: errors.iter().map(|error| error.words.clone()).collect(),
            longest: LONGEST,
        }
    }
}

/// Returns a field's label, and what a browser may fill in.
fn label(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Name => ("Name", "name"),
        Field::Company => ("Company", "organization"),
        Field::Street1 => ("Street and number", "address-line1"),
        Field::Street2 => ("Flat, floor or building", "address-line2"),
        Field::City => ("Town or city", "address-level2"),
        Field::Region => ("State, province or county", "address-level1"),
        Field::Postcode => ("Postcode", "postal-code"),
        Field::Country => ("Country", "country"),
    }
}

/// Returns the order's state. An order that waits for its first step is accepted.
fn state(found: &CustomerOrder) -> OrderState {
    OrderState::parse(found.record.state).unwrap_or(OrderState::Accepted)
}

/// Returns whether some parcel is at this stage or beyond.
fn any(found: &CustomerOrder, stage: ParcelStage) -> bool {
    found.record.parcels.iter().any(|parcel| parcel.stage >= Some(stage))
}

/// Returns whether every parcel is at this very stage.
fn all(found: &CustomerOrder, stage: ParcelStage) -> bool {
    found.record.parcels.iter().filter(|parcel| goes(parcel)).all(|parcel| parcel.stage == Some(stage))
}

/// Returns whether all of the order is still with us, so that it can be cancelled and its address changed. The worker decides
/// again.
fn is_open(found: &CustomerOrder) -> bool {
    state(found).may_become(OrderState::Cancelled) && !any(found, ParcelStage::Despatched)
}

/// Returns why an order can no longer be changed.
fn closed(found: &CustomerOrder) -> &'static str {
    if state(found) == OrderState::Cancelled {
        "This order is cancelled, so nothing of it will be sent."
    } else if found.record.parcels.is_empty() {
        "This order is complete, so it can no longer be changed. Reply to our mail, and we will help you."
    } else if all(found, ParcelStage::Collected) {
        "This is no longer possible, because you have collected the order. Reply to our mail, and we will help you."
    } else {
        "This is no longer possible, because the carrier has a parcel of this order already. Reply to our mail, and we will \
         help you."
    }
}

/// Returns where the order stands: a heading and a sentence.
fn headline(found: &CustomerOrder) -> (&'static str, &'static str) {
    match state(found) {
        OrderState::Cancelled => (
            "Your order is cancelled",
            "Nothing of it will be sent. Money that was taken goes back the way that it was paid. An amount that was only held \
             is let go.",
        ),
        OrderState::Returned => (
            "Your order is coming back to us",
            "A parcel of it is on its way back. Reply to our mail, and we will help you.",
        ),
        OrderState::Completed if found.record.parcels.is_empty() => {
            ("Your order is complete", "No parcel belongs to it.")
        }
        OrderState::Delivered | OrderState::Completed if all(found, ParcelStage::Collected) => {
            ("You have collected your order", "We hope that you enjoy it.")
        }
        OrderState::Delivered | OrderState::Completed => {
            ("Your order has arrived", "We hope that you enjoy it.")
        }
        OrderState::Despatched if any(found, ParcelStage::Delivered) => {
            ("A part of your order has arrived", "The rest is on its way.")
        }
        OrderState::Despatched => ("Your order is on its way", "The carrier brings it to you."),
        _ if any(found, ParcelStage::Despatched) => {
            ("A part of your order is on its way", "We are getting the rest ready.")
        }
        OrderState::Ready => ("Your order is ready", "Please come and collect it."),
        OrderState::Labelled => ("Your order is packed", "It waits for the carrier."),
        OrderState::Paid | OrderState::Picked => {
            ("Your order is being packed", "We will write to you when it is on its way.")
        }
        OrderState::Accepted | OrderState::Reserved => {
            ("We have your order", "We are getting it ready, and will write to you when it is on its way.")
        }
    }
}

/// Returns whether the parcel is sent or collected. One that was voided is not; nor is one whose label is taken back, unless it left
/// before.
fn goes(parcel: &despatch_read_model::Parcel) -> bool {
    if parcel.is_voided {
        return false;
    }
    let has_left = parcel.stage >= Some(ParcelStage::Despatched);
    has_left || matches!(parcel.label_state, Some(LabelState::Valid) | None)
}

fn parcel(parcel: &despatch_read_model::Parcel) -> ParcelView {
    let words = match parcel.stage {
        None | Some(ParcelStage::Picked) => "being packed",
        Some(ParcelStage::Ready) => "ready to be collected",
        Some(ParcelStage::Collected) => "collected",
        Some(ParcelStage::Labelled) => "packed, and waiting for the carrier",
        Some(ParcelStage::Despatched) => "on its way",
        Some(ParcelStage::Delivered) => "delivered",
        Some(ParcelStage::Returned) => "on its way back to us",
    };
    ParcelView {
        number: parcel.position,
        words,
        carrier: carrier::name(&parcel.carrier),
        tracking_number: parcel.tracking_number.clone(),
        tracking_url: carrier::tracking_url(&parcel.carrier, &parcel.tracking_number),
    }
}

fn line(line: &order::Line, currency: &str) -> LineView {
    LineView {
        quantity: line.quantity.saturating_sub(line.removed),
        title: if line.title.is_empty() { line.sku.clone() } else { line.title.clone() },
        removed: line.removed,
        total: amount(line.total_minor, currency),
    }
}

/// Returns a refund that is made or under way. One that was refused is for operators.
fn refund(refund: &Refund) -> Option<RefundView> {
    let words = match (refund.state.as_str(), refund.made_at) {
        ("made" | "elsewhere", Some(at)) => format!("sent back on {}", at.strftime("%-d %B %Y")),
        ("made" | "elsewhere", None) => "sent back".to_owned(),
        ("approved", _) => "on its way back to you".to_owned(),
        _ => return None,
    };
    Some(RefundView { amount: amount(refund.amount_minor, &refund.currency), words })
}

/// Returns the address: in full while it can be changed, and afterwards no more than its place.
fn address(address: &Address, in_full: bool) -> Vec<String> {
    let Address { name, company, street1, street2, city, region, postcode, country, phone: _ } = address;
    let place = format!("{city} {region} {postcode}");
    let lines = if in_full {
        vec![name.as_str(), company, street1, street2, &place, country]
    } else {
        vec![city.as_str(), country]
    };
    lines.into_iter().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
