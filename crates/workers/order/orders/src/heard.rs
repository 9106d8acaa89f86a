//! The events that tell how an order is getting on, and what each of them means to the state machine.

use despatch_contracts::label::LabelCreated;
use despatch_contracts::payment::{PaymentCaptured, PaymentRefunded, PaymentVoided};
use despatch_contracts::review::{ReviewLapsed, ReviewReceived};
use despatch_contracts::shipment::{
    Scan, ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned,
};
use despatch_contracts::stock::{StockPicked, StockReleased, StockReserved};
use despatch_contracts::{Event, event_enum};
use despatch_domain::{Currency, Money};

use crate::lifecycle::{Fact, Parcel, Stage};

event_enum! {
    /// Every fact about an order after its acceptance.
    pub(crate) enum Heard {
        Reserved(StockReserved),
        Released(StockReleased),
        Captured(PaymentCaptured),
        Refunded(PaymentRefunded),
        Voided(PaymentVoided),
        Picked(StockPicked),
        Labelled(LabelCreated),
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Failed(ShipmentFailed),
        Returned(ShipmentReturned),
        ReviewReceived(ReviewReceived),
        ReviewLapsed(ReviewLapsed),
    }
}

/// What an event says: its type, the fact, and the words for the timeline.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) event_type: &'static str,
    pub(crate) fact: Fact,
    pub(crate) detail: String,
}

/// An event without the part that says which parcel it is about.
#[derive(Debug, thiserror::Error)]
#[error("{event_type} does not say which parcel it is about")]
pub(crate) struct NoParcel {
    event_type: &'static str,
}

impl Heard {
    /// Reads the event's fact.
    pub(crate) fn account(&self) -> Result<Account, NoParcel> {
        match self {
            Heard::Reserved(e) => Ok(account(e, Fact::StockReserved, reserved(e))),
            Heard::Released(e) => Ok(account(e, Fact::StockReleased, e.reason.clone())),
            Heard::Captured(e) => {
                let detail = paid(e.amount_minor, &e.currency, &e.reference);
                Ok(account(e, Fact::PaymentCaptured, detail))
            }
            Heard::Refunded(e) => {
                let detail = paid(e.amount_minor, &e.currency, &e.reference);
                Ok(account(e, Fact::PaymentRefunded, format!("{detail}: {}", e.reason)))
            }
            Heard::Voided(e) => Ok(account(e, Fact::PaymentVoided, format!("{}: {}", e.reference, e.reason))),
            Heard::Picked(e) => picked(e),
            Heard::Labelled(e) => {
                let parcel = Parcel { number: e.parcel, of: e.parcels };
                let detail = format!("{parcel}, {} {} {}", e.carrier, e.service, e.tracking_number);
                Ok(account(e, Fact::Parcel(Stage::Labelled, parcel), detail))
            }
            Heard::Despatched(e) => {
                scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(Stage::Despatched, parcel))
            }
            Heard::Delivered(e) => {
                scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(Stage::Delivered, parcel))
            }
            Heard::Failed(e) => scanned(e, e.scan.as_ref(), Fact::DeliveryFailed),
            Heard::Returned(e) => scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(Stage::Returned, parcel)),
            Heard::ReviewReceived(e) => Ok(account(e, Fact::ReviewEnded, format!("{} of 5 stars", e.rating))),
            Heard::ReviewLapsed(e) => Ok(account(e, Fact::ReviewEnded, String::new())),
        }
    }
}

fn account<E: Event>(_: &E, fact: Fact, detail: String) -> Account {
    Account { event_type: E::TYPE, fact, detail }
}

fn reserved(event: &StockReserved) -> String {
    let until = event.expires_at.as_ref().map(|at| format!(", until {at}")).unwrap_or_default();
    format!("{} allocations{until}", event.allocations.len())
}

fn picked(event: &StockPicked) -> Result<Account, NoParcel> {
    let picked = event.parcel.as_ref().ok_or(NoParcel { event_type: StockPicked::TYPE })?;
    let parcel = Parcel { number: picked.number, of: picked.of };
    let detail = format!("{parcel}, at {}", picked.location);
    Ok(account(event, Fact::Parcel(Stage::Picked, parcel), detail))
}

fn paid(minor: i64, currency: &str, reference: &str) -> String {
    match Currency::parse(currency) {
        Ok(currency) => format!("{}, {reference}", Money::new(minor, currency)),
        Err(unknown) => format!("{minor} minor units ({unknown}), {reference}"),
    }
}

fn scanned<E: Event>(
    event: &E,
    scan: Option<&Scan>,
    fact: impl FnOnce(Parcel) -> Fact,
) -> Result<Account, NoParcel> {
    let scan = scan.ok_or(NoParcel { event_type: E::TYPE })?;
    let parcel = Parcel { number: scan.parcel, of: scan.parcels };
    let at = scan.scanned_at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    let detail = format!("{parcel}, {} {}{at}: {}", scan.carrier, scan.tracking_number, scan.detail);
    Ok(account(event, fact(parcel), detail))
}
