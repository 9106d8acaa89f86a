//! The meaning of events, in plain words.

use despatch_contracts::alert::AlertRaised;
use despatch_contracts::label::{LabelCreated, LabelVoidDue, LabelVoidRequested, LabelVoided};
use despatch_contracts::notification::{NotificationSent, NotificationSkipped, Unsubscribed};
use despatch_contracts::order::{
    AdditionReported, CollectionReported, OrderAccepted, OrderAddressChangeRequested, OrderCancelRequested,
    OrderCancelled, OrderChanged, OrderCompleted, OrderExtended, OrderPlaced, OrderRefundRequested,
    OrderReturned, OrderUpdateReported, PaymentDue, PaymentReported, WebhookKept,
};
use despatch_contracts::payment::{
    DisputeLost, PaymentAuthorised, PaymentCaptured, PaymentChanged, PaymentDisputed, PaymentRefunded,
    PaymentVoided, RefundApproved, RefundFailed, RefundOverdue, RefundRefused, RefundReported,
    RefundRequested, VoidRequested,
};
use despatch_contracts::provider::{ProviderFailed, ProviderRecovered};
use despatch_contracts::review::{ReviewAskDue, ReviewLapsed, ReviewReceived, ReviewRequested};
use despatch_contracts::runtime::{DeadLetter, Settled};
use despatch_contracts::shipment::{
    ReadyForPickup, Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched, ShipmentFailed,
    ShipmentReturned,
};
use despatch_contracts::stock::{
    AdjustRequested, ChangeMissed, CountRequested, DeliveryArrived, DeliveryCancelRequested,
    DeliveryCheckDue, DeliveryDiffered, DeliveryOverdue, ExpectRequested, ItemsDescribed, ItemsSet,
    LocationDescribed, LocationSet, ParcelVoided, ReceiveRequested, ReservationExpiryDue, StockCheckDue,
    StockClosingDue, StockCoverDue, StockLevelChanged, StockLevelDue, StockPicked, StockRanLow,
    StockReleased, StockRequest, StockReserved, StockWithdrawn, TransferArrived, TransferRequested,
};
use despatch_contracts::{Bytes, Event};
use despatch_domain::amount;

/// Says in words what happened. An event of an unknown type is named by its type.
pub(super) fn meaning(event_type: &str, payload: Bytes) -> String {
    known(event_type, payload).unwrap_or_else(|| event_type.to_owned())
}

/// `None` for a type that is not known here, and for a payload that cannot be read.
#[allow(clippy::too_many_lines, reason = "one arm for each event")]
fn known(event_type: &str, payload: Bytes) -> Option<String> {
    Some(match event_type {
        OrderPlaced::TYPE => {
            let order = read::<OrderPlaced>(payload)?.order?;
            format!("placed, {}", amount(order.total_minor, &order.currency))
        }
        OrderAccepted::TYPE => "accepted".to_owned(),
        OrderCancelRequested::TYPE => {
            let OrderCancelRequested { requested_by, by, reason, .. } = read(payload)?;
            let by = if by.is_empty() { requested_by } else { format!("{requested_by} {by}") };
            format!("cancellation asked for by {by}: {reason}")
        }
        OrderAddressChangeRequested::TYPE => {
            format!(
                "another address asked for by {}",
                read::<OrderAddressChangeRequested>(payload)?.requested_by
            )
        }
        OrderChanged::TYPE => {
            let OrderChanged { order, requested_by, .. } = read(payload)?;
            let order = order?;
            format!("changed by {requested_by}, {} now", amount(order.total_minor, &order.currency))
        }
        AdditionReported::TYPE => "the shop says that something was added".to_owned(),
        OrderExtended::TYPE => {
            let order = read::<OrderExtended>(payload)?.order?;
            format!("extended, {} now", amount(order.total_minor, &order.currency))
        }
        OrderCancelled::TYPE => format!("cancelled: {}", read::<OrderCancelled>(payload)?.reason),
        OrderReturned::TYPE => format!("returned: {}", read::<OrderReturned>(payload)?.reason),
        OrderCompleted::TYPE => "completed".to_owned(),
        StockReserved::TYPE => "stock reserved".to_owned(),
        ReservationExpiryDue::TYPE => "reservation ends, unless it is paid".to_owned(),
        StockReleased::TYPE => format!("stock released: {}", read::<StockReleased>(payload)?.reason),
        StockPicked::TYPE => {
            let parcel = read::<StockPicked>(payload)?.parcel?;
            format!("parcel {} of {} picked at {}", parcel.number, parcel.of, parcel.location)
        }
        ParcelVoided::TYPE => {
            let ParcelVoided { parcel, reason, .. } = read(payload)?;
            format!("parcel {parcel} is not sent: {reason}")
        }
        ChangeMissed::TYPE => {
            let ChangeMissed { parcels, .. } = read(payload)?;
            format!("changed after parcels had left: {parcels:?}")
        }
        ReceiveRequested::TYPE => {
            let ReceiveRequested { request, rows, .. } = read(payload)?;
            stock_request("receipt", rows.len(), request)
        }
        AdjustRequested::TYPE => {
            let AdjustRequested { request, rows } = read(payload)?;
            stock_request("adjustment", rows.len(), request)
        }
        CountRequested::TYPE => {
            let CountRequested { request, rows } = read(payload)?;
            stock_request("count", rows.len(), request)
        }
        TransferRequested::TYPE => {
            let TransferRequested { request, rows, .. } = read(payload)?;
            stock_request("transfer", rows.len(), request)
        }
        TransferArrived::TYPE => {
            let TransferArrived { request, rows, .. } = read(payload)?;
            stock_request("arrival of a transfer", rows.len(), request)
        }
        ExpectRequested::TYPE => {
            let ExpectRequested { request, rows, delivery, .. } = read(payload)?;
            stock_request(&format!("announcement of delivery {delivery}"), rows.len(), request)
        }
        DeliveryArrived::TYPE => {
            format!("nothing more of delivery {} comes", read::<DeliveryArrived>(payload)?.delivery)
        }
        DeliveryCancelRequested::TYPE => {
            format!("cancellation of delivery {}", read::<DeliveryCancelRequested>(payload)?.delivery)
        }
        DeliveryCheckDue::TYPE => "delivery to be compared with its announcement".to_owned(),
        DeliveryDiffered::TYPE => {
            format!(
                "differs from its announcement in {} rows",
                read::<DeliveryDiffered>(payload)?.number_of_lines
            )
        }
        DeliveryOverdue::TYPE => {
            format!("overdue, {} rows are open", read::<DeliveryOverdue>(payload)?.number_of_lines)
        }
        ItemsSet::TYPE => {
            let ItemsSet { request, items } = read(payload)?;
            stock_request("description of articles", items.len(), request)
        }
        LocationSet::TYPE => {
            let LocationSet { request, location } = read(payload)?;
            stock_request("change of a location", location.iter().len(), request)
        }
        ItemsDescribed::TYPE => {
            format!("{} articles are described", read::<ItemsDescribed>(payload)?.items.len())
        }
        LocationDescribed::TYPE => {
            format!("location {} is described", read::<LocationDescribed>(payload)?.location)
        }
        StockWithdrawn::TYPE => {
            let StockWithdrawn { sku, location, quantity, .. } = read(payload)?;
            format!("a count took {quantity} units of {sku} at {location} from the order")
        }
        StockLevelChanged::TYPE => {
            let StockLevelChanged { levels, .. } = read(payload)?;
            format!("{} units can be sold", levels.iter().map(|level| level.available).sum::<i64>())
        }
        StockLevelDue::TYPE => "changes of the stock to be told".to_owned(),
        StockCoverDue::TYPE => "articles that run low to be told".to_owned(),
        StockRanLow::TYPE => {
            let StockRanLow { available, days, .. } = read(payload)?;
            format!("runs low: {available} units last for {days:.1} days")
        }
        StockClosingDue::TYPE => "days of the stock to be closed".to_owned(),
        StockCheckDue::TYPE => "counters of the stock to be checked".to_owned(),
        PaymentCaptured::TYPE => {
            let captured: PaymentCaptured = read(payload)?;
            format!("payment captured, {}", amount(captured.amount_minor, &captured.currency))
        }
        PaymentAuthorised::TYPE => "payment looked at".to_owned(),
        PaymentReported::TYPE => "the shop says how it is paid".to_owned(),
        OrderUpdateReported::TYPE => "the shop says that its contents changed".to_owned(),
        WebhookKept::TYPE => {
            let WebhookKept { shop, topic, .. } = read(payload)?;
            format!("webhook {topic:?} of {shop} kept")
        }
        PaymentDue::TYPE => "payment due".to_owned(),
        OrderRefundRequested::TYPE => {
            format!("refund asked for: {}", read::<OrderRefundRequested>(payload)?.reason)
        }
        RefundApproved::TYPE => {
            let refund: RefundApproved = read(payload)?;
            format!(
                "refund approved, {} of {}",
                amount(refund.amount_minor, &refund.currency),
                refund.provider
            )
        }
        RefundRefused::TYPE => format!("refund refused: {}", read::<RefundRefused>(payload)?.detail),
        RefundOverdue::TYPE => "refund by the shop due".to_owned(),
        RefundReported::TYPE => {
            let refund: RefundReported = read(payload)?;
            format!("{} refunded {}", refund.provider, amount(refund.amount_minor, &refund.currency))
        }
        RefundRequested::TYPE => format!("refund asked for: {}", read::<RefundRequested>(payload)?.reason),
        PaymentRefunded::TYPE => {
            let refunded: PaymentRefunded = read(payload)?;
            format!("payment refunded, {}", amount(refunded.amount_minor, &refunded.currency))
        }
        PaymentChanged::TYPE => "the provider says that the payment changed".to_owned(),
        RefundFailed::TYPE => {
            let refund: RefundFailed = read(payload)?;
            format!("refund failed, {}", amount(refund.amount_minor, &refund.currency))
        }
        PaymentDisputed::TYPE => format!("payment disputed: {}", read::<PaymentDisputed>(payload)?.dispute),
        DisputeLost::TYPE => {
            let lost: DisputeLost = read(payload)?;
            format!("dispute lost, {}", amount(lost.amount_minor, &lost.currency))
        }
        VoidRequested::TYPE => "release of the authorisation asked for".to_owned(),
        PaymentVoided::TYPE => "authorisation released".to_owned(),
        LabelCreated::TYPE => {
            let LabelCreated { parcel, parcels, carrier, tracking_number, .. } = read(payload)?;
            format!("parcel {parcel} of {parcels} labelled, {carrier} {tracking_number}")
        }
        LabelVoidRequested::TYPE => {
            format!("void of the label of parcel {} asked for", read::<LabelVoidRequested>(payload)?.parcel)
        }
        LabelVoidDue::TYPE => {
            format!("void of the label of parcel {} to be looked at", read::<LabelVoidDue>(payload)?.parcel)
        }
        LabelVoided::TYPE => {
            let LabelVoided { parcel, carrier, tracking_number, .. } = read(payload)?;
            format!("label of parcel {parcel} voided, {carrier} {tracking_number}")
        }
        ReadyForPickup::TYPE => {
            let ReadyForPickup { parcel, parcels, location, .. } = read(payload)?;
            format!("parcel {parcel} of {parcels} ready to be collected at {location}")
        }
        CollectionReported::TYPE => {
            let CollectionReported { requested_by, by, .. } = read(payload)?;
            let by = if by.is_empty() { requested_by } else { format!("{requested_by} {by}") };
            format!("collection noted by {by}")
        }
        ShipmentCollected::TYPE => {
            let ShipmentCollected { parcel, parcels, .. } = read(payload)?;
            format!("parcel {parcel} of {parcels} collected")
        }
        ShipmentDespatched::TYPE => scan(read::<ShipmentDespatched>(payload)?.scan, "handed to the carrier")?,
        ShipmentDelivered::TYPE => scan(read::<ShipmentDelivered>(payload)?.scan, "delivered")?,
        ShipmentFailed::TYPE => scan(read::<ShipmentFailed>(payload)?.scan, "could not be delivered")?,
        ShipmentReturned::TYPE => scan(read::<ShipmentReturned>(payload)?.scan, "on its way back")?,
        ReviewAskDue::TYPE => "review to be asked for".to_owned(),
        ReviewRequested::TYPE => "review asked for".to_owned(),
        ReviewReceived::TYPE => format!("reviewed, {} of 5 stars", read::<ReviewReceived>(payload)?.rating),
        ReviewLapsed::TYPE => "not reviewed, and not asked again".to_owned(),
        NotificationSent::TYPE => format!("mail sent: {}", read::<NotificationSent>(payload)?.milestone),
        NotificationSkipped::TYPE => {
            let NotificationSkipped { milestone, reason, .. } = read(payload)?;
            format!("mail not sent, {reason}: {milestone}")
        }
        Unsubscribed::TYPE => "customer unsubscribed".to_owned(),
        AlertRaised::TYPE => format!("alert: {}", read::<AlertRaised>(payload)?.title),
        ProviderFailed::TYPE => {
            let ProviderFailed { provider, reason, error, .. } = read(payload)?;
            format!("{provider} is out of service, {reason}: {error}")
        }
        ProviderRecovered::TYPE => {
            let ProviderRecovered { provider, seconds, .. } = read(payload)?;
            format!("{provider} serves again, after {seconds} s")
        }
        DeadLetter::TYPE => {
            let DeadLetter { handler, reason, failures, .. } = read(payload)?;
            let error = failures.last().map_or("", |failure| &failure.error);
            format!("{handler} failed for good, {reason}: {error}")
        }
        Settled::TYPE => {
            let Settled { handler, outcome, reason, .. } = read(payload)?;
            let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
            format!("{handler} tried again: {outcome}{reason}")
        }
        _ => return None,
    })
}

fn read<E: Event>(payload: Bytes) -> Option<E> {
    E::decode(payload).ok()
}

fn stock_request(what: &str, rows: usize, request: Option<StockRequest>) -> String {
    let StockRequest { requested_by, by, .. } = request.unwrap_or_default();
    let by = if by.is_empty() { requested_by } else { format!("{requested_by} {by}") };
    format!("{what} asked for by {by}, {rows} rows")
}

fn scan(scan: Option<Scan>, what: &str) -> Option<String> {
    let Scan { parcel, parcels, detail, .. } = scan?;
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    Some(format!("parcel {parcel} of {parcels} {what}{detail}"))
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::Order;
    use despatch_contracts::runtime::Failure;
    use despatch_contracts::stock::Parcel;
    use despatch_contracts::{ALL, Emitted};

    use super::*;

    fn of<'e, E>(event: &'e E) -> String
    where
        Emitted: From<&'e E>,
    {
        let Emitted { event_type, payload, .. } = Emitted::from(event);
        meaning(event_type, payload)
    }

    #[test]
    fn every_event_that_people_see_has_words() {
        // Timers of the exceptions worker, and what never travels as such.
        let by_type = ["exception.bulk-replay-due", "exception.monitor-due", "replay"];
        let empty = |event_type: &str| known(event_type, Bytes::new()).is_some();
        // These need the message inside them.
        let nested = [
            "order.placed",
            "order.changed",
            "order.extended",
            "stock.picked",
            "shipment.despatched",
            "shipment.delivered",
            "shipment.failed",
            "shipment.returned",
        ];
        for event_type in ALL.iter().filter(|event_type| !by_type.contains(event_type)) {
            let needs_contents = nested.contains(event_type);
            assert_eq!(empty(event_type), !needs_contents, "{event_type}");
        }
        assert_eq!(meaning("gift.wrapped", Bytes::new()), "gift.wrapped");
    }

    #[test]
    fn words_say_how_much_which_parcel_and_why() {
        let order = Order { total_minor: 1330, currency: "USD".into(), ..Order::default() };
        assert_eq!(of(&OrderPlaced { order: Some(order) }), "placed, 13.30 USD");
        let captured = PaymentCaptured { amount_minor: 5, currency: "??".into(), ..Default::default() };
        assert_eq!(of(&captured), "payment captured, 5 minor units of \"??\"");
        let parcel = Parcel { number: 1, of: 2, location: "reno".into(), ..Parcel::default() };
        let picked = StockPicked { parcel: Some(parcel), ..StockPicked::default() };
        assert_eq!(of(&picked), "parcel 1 of 2 picked at reno");
        let scan = Scan { parcel: 1, parcels: 1, detail: "left the depot".into(), ..Scan::default() };
        let despatched = ShipmentDespatched { scan: Some(scan) };
        assert_eq!(of(&despatched), "parcel 1 of 1 handed to the carrier: left the depot");
        let failure = Failure { error: "declined".into(), ..Failure::default() };
        let letter = DeadLetter {
            handler: "payments.capture".into(),
            reason: "card-declined".into(),
            failures: vec![failure],
            ..DeadLetter::default()
        };
        assert_eq!(of(&letter), "payments.capture failed for good, card-declined: declined");
    }
}
