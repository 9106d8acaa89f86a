//! The events that report on an order after its acceptance, and their meaning to the state machine.

use despatch_contracts::label::{LabelCreated, LabelVoided};
use despatch_contracts::notification::NotificationSkipped;
use despatch_contracts::payment::{
    DisputeLost, PaymentCaptured, PaymentDisputed, PaymentRefunded, PaymentVoided, RefundApproved,
    RefundFailed, RefundRefused,
};
use despatch_contracts::review::{ReviewLapsed, ReviewReceived};
use despatch_contracts::shipment::{
    ReadyForPickup, Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched, ShipmentFailed,
    ShipmentReturned,
};
use despatch_contracts::stock::{ParcelVoided, StockPicked, StockReleased, StockReserved};
use despatch_contracts::{Event, event_enum};
use despatch_domain::{Currency, Money, amount};
use despatch_status::ParcelStage;

use crate::lifecycle::{Fact, Refund};

event_enum! {
    /// Every event that reports on an accepted order.
    pub(crate) enum OrderFact {
        Reserved(StockReserved),
        Released(StockReleased),
        Captured(PaymentCaptured),
        RefundApproved(RefundApproved),
        RefundRefused(RefundRefused),
        Refunded(PaymentRefunded),
        RefundFailed(RefundFailed),
        Disputed(PaymentDisputed),
        DisputeLost(DisputeLost),
        Voided(PaymentVoided),
        Picked(StockPicked),
        ParcelVoided(ParcelVoided),
        Labelled(LabelCreated),
        LabelVoided(LabelVoided),
        Ready(ReadyForPickup),
        Collected(ShipmentCollected),
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Failed(ShipmentFailed),
        Returned(ShipmentReturned),
        ReviewReceived(ReviewReceived),
        ReviewLapsed(ReviewLapsed),
        MailSkipped(NotificationSkipped),
    }
}

/// An event as the order records it: its type, the fact, and the text of its timeline entry.
#[derive(Debug)]
pub(crate) struct FactRecord<'a> {
    pub(crate) event_type: &'static str,
    pub(crate) fact: Fact<'a>,
    pub(crate) detail: String,
}

/// An event that does not say which parcel it is about.
#[derive(Debug, thiserror::Error)]
#[error("{event_type}: expected a parcel, found none")]
pub(crate) struct NoParcel {
    event_type: &'static str,
}

impl OrderFact {
    /// Returns the event's fact.
    pub(crate) fn record(&self) -> Result<FactRecord<'_>, NoParcel> {
        match self {
            OrderFact::Reserved(e) => Ok(record(e, Fact::StockReserved, reserved(e))),
            OrderFact::Released(e) => Ok(record(e, Fact::StockReleased, e.reason.clone())),
            OrderFact::Captured(e) => {
                let detail = paid(e.amount_minor, &e.currency, &e.reference);
                Ok(record(e, Fact::PaymentCaptured, detail))
            }
            OrderFact::RefundApproved(e) => {
                let refund = Refund { id: &e.refund_id, tender: e.tender };
                let amount = amount(e.amount_minor, &e.currency);
                let detail = format!("{}: {amount} of {}: {}", e.refund_id, e.provider, e.reason);
                Ok(record(e, Fact::RefundApproved(refund), detail))
            }
            OrderFact::RefundRefused(e) => {
                let detail = format!("{}: {}: {}", e.refund_id, e.reason, e.detail);
                Ok(record(e, Fact::RefundRefused(&e.refund_id), detail))
            }
            OrderFact::Refunded(e) => {
                let refund = Refund { id: &e.refund_id, tender: e.tender };
                let paid = paid(e.amount_minor, &e.currency, &e.reference);
                let detail = format!("{}: {paid}: {}", e.refund_id, e.reason);
                Ok(record(e, Fact::PaymentRefunded(refund), detail))
            }
            OrderFact::RefundFailed(e) => {
                let refund = Refund { id: &e.refund_id, tender: e.tender };
                let paid = paid(e.amount_minor, &e.currency, &e.reference);
                Ok(record(e, Fact::RefundFailed(refund), format!("{}: {paid}", e.refund_id)))
            }
            OrderFact::Disputed(e) => {
                Ok(record(e, Fact::Disputed(&e.dispute), format!("{} of {}", e.dispute, e.reference)))
            }
            OrderFact::DisputeLost(e) => {
                let detail = format!("{}: {}", e.dispute, amount(e.amount_minor, &e.currency));
                Ok(record(e, Fact::DisputeLost(&e.dispute), detail))
            }
            OrderFact::Voided(e) => {
                Ok(record(e, Fact::PaymentVoided, format!("{}: {}", e.reference, e.reason)))
            }
            OrderFact::Picked(e) => picked(e),
            OrderFact::ParcelVoided(e) => {
                Ok(record(e, Fact::ParcelVoided(e.parcel), format!("parcel {}: {}", e.parcel, e.reason)))
            }
            OrderFact::Labelled(e) => {
                let parcel = parcel(e.parcel, e.parcels);
                let detail = format!("{parcel}, {} {} {}", e.carrier, e.service, e.tracking_number);
                Ok(record(e, Fact::Parcel(ParcelStage::Labelled, e.parcel), detail))
            }
            OrderFact::LabelVoided(e) => {
                let detail =
                    format!("parcel {}, {} {}: {}", e.parcel, e.carrier, e.tracking_number, e.reason);
                Ok(record(e, Fact::ParcelVoided(e.parcel), detail))
            }
            OrderFact::Ready(e) => {
                let detail = format!("{}, at {}", parcel(e.parcel, e.parcels), e.location);
                Ok(record(e, Fact::Parcel(ParcelStage::Ready, e.parcel), detail))
            }
            OrderFact::Collected(e) => {
                let detail = parcel(e.parcel, e.parcels);
                Ok(record(e, Fact::Parcel(ParcelStage::Collected, e.parcel), detail))
            }
            OrderFact::Despatched(e) => {
                scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(ParcelStage::Despatched, parcel))
            }
            OrderFact::Delivered(e) => {
                scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(ParcelStage::Delivered, parcel))
            }
            OrderFact::Failed(e) => scanned(e, e.scan.as_ref(), Fact::DeliveryFailed),
            OrderFact::Returned(e) => {
                scanned(e, e.scan.as_ref(), |parcel| Fact::Parcel(ParcelStage::Returned, parcel))
            }
            OrderFact::ReviewReceived(e) => {
                Ok(record(e, Fact::ReviewEnded, format!("{} of 5 stars", e.rating)))
            }
            OrderFact::ReviewLapsed(e) => Ok(record(e, Fact::ReviewEnded, String::new())),
            OrderFact::MailSkipped(e) => Ok(record(e, Fact::MailSkipped, e.milestone.clone())),
        }
    }
}

fn record<'a, E: Event>(_: &E, fact: Fact<'a>, detail: String) -> FactRecord<'a> {
    FactRecord { event_type: E::TYPE, fact, detail }
}

fn reserved(event: &StockReserved) -> String {
    let until = event.expires_at.as_ref().map(|at| format!(", until {at}")).unwrap_or_default();
    format!("{} allocations{until}", event.allocations.len())
}

fn picked(event: &StockPicked) -> Result<FactRecord<'static>, NoParcel> {
    let picked = event.parcel.as_ref().ok_or(NoParcel { event_type: StockPicked::TYPE })?;
    let units = picked.contents.iter().map(|allocation| allocation.quantity).fold(0, i64::saturating_add);
    let detail = format!("{}, at {}", parcel(picked.number, picked.of), picked.location);
    Ok(record(event, Fact::Picked(picked.number, units), detail))
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
    fact: impl FnOnce(u32) -> Fact<'static>,
) -> Result<FactRecord<'static>, NoParcel> {
    let scan = scan.ok_or(NoParcel { event_type: E::TYPE })?;
    let parcel = parcel(scan.parcel, scan.parcels);
    let at = scan.scanned_at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    let detail = format!("{parcel}, {} {}{at}: {}", scan.carrier, scan.tracking_number, scan.detail);
    Ok(record(event, fact(scan.parcel), detail))
}

/// Names a parcel. The number of parcels is that of the time at which this one was picked.
fn parcel(number: u32, of: u32) -> String {
    format!("parcel {number} of {of}")
}
