//! The steps of an order, in plain words.

use despatch_read_model::orders::Step;
use despatch_status::OrderState;

/// Says what happened. Most of the timeline's text is kept, because it begins with the important part.
pub(super) fn words(step: &Step) -> String {
    let detail = step.detail.as_str();
    // Details are lists: what it is about first.
    let (first, rest) = detail.split_once(", ").unwrap_or((detail, ""));
    let parcel = if first == "parcel 1 of 1" { "parcel" } else { first };
    let known = step.reason == "already-applied";
    let text = match step.event.as_str() {
        "order.placed" if known => return "placed again; it is the same order".to_owned(),
        "order.placed" => {
            let lines = detail.split_once(" from ").map_or(detail, |(lines, _)| lines);
            if lines == "1 lines" { "accepted, 1 line".to_owned() } else { format!("accepted, {lines}") }
        }
        "order.cancel-requested" => return cancelled(step),
        "order.address-change-requested" => return address_changed(step),
        "stock.reserved" => "stock reserved".to_owned(),
        "stock.released" if step.reason == "reservation-expired" => {
            "stock released, because the reservation expired".to_owned()
        }
        "stock.released" => "stock released".to_owned(),
        "payment.captured" if step.reason == "captured-after-cancellation" => {
            format!("payment captured, {first}; it goes back, because the order was cancelled")
        }
        "payment.captured" => format!("payment captured, {first}"),
        "order.payment-reported" => "paid, and accepted".to_owned(),
        "order.refund-requested" => refund_asked(step),
        "payment.refund-approved" => format!("refund approved, {}", without_id(first)),
        "payment.refund-refused" => return format!("not refunded: {}", without_id(detail)),
        "payment.refunded" => format!("payment refunded, {}", without_id(first)),
        "payment.refund-failed" => {
            format!("refund did not reach the customer, {}", without_id(first))
        }
        "payment.disputed" => format!("payment disputed, {detail}"),
        "payment.dispute-lost" => format!("dispute lost, {}", without_id(detail)),
        "payment.voided" => "authorisation released".to_owned(),
        "stock.picked" => format!("{parcel} picked {rest}"),
        "label.created" => format!("{parcel} labelled, {rest}"),
        "label.voided" => {
            return format!("label of {first} voided, {}", rest.split(": ").next().unwrap_or(rest));
        }
        "shipment.ready-for-pickup" => format!("{parcel} ready to be collected {rest}"),
        "order.collection-reported" => return collected(step),
        "shipment.collected" => format!("{parcel} collected"),
        "shipment.despatched" => format!("{parcel} handed to the carrier{}", said(rest)),
        "shipment.delivered" => format!("{parcel} delivered{}", said(rest)),
        "shipment.failed" => format!("{parcel} could not be delivered{}", said(rest)),
        "shipment.returned" => format!("{parcel} on its way back{}", said(rest)),
        "notification.skipped" => {
            return format!("mail not sent, because there is no address for it: {detail}");
        }
        "review.received" => format!("reviewed, {detail}"),
        "review.lapsed" => "not reviewed, and not asked again".to_owned(),
        event => [event, detail].join(" "),
    };
    if known { format!("{} (known already)", text.trim_end()) } else { text.trim_end().to_owned() }
}

/// The outcome of a word that the customer collected it.
fn collected(step: &Step) -> String {
    let by = &step.detail;
    match step.reason.as_str() {
        "command-refused" => format!("collection refused, because nothing is ready; {by}"),
        "already-applied" => format!("collection {by} again"),
        _ => format!("collection {by}"),
    }
}

/// The words after a refund's id.
fn without_id(detail: &str) -> &str {
    detail.split_once(": ").map_or(detail, |(_, words)| words)
}

/// The outcome of a request to refund.
fn refund_asked(step: &Step) -> String {
    let words = without_id(&step.detail);
    if step.reason == "command-refused" {
        format!("refund refused, {words}")
    } else {
        format!("refund of {words}")
    }
}

/// The outcome of a request to change the address.
fn address_changed(step: &Step) -> String {
    let asked = step.detail.strip_prefix("asked for by ").unwrap_or(&step.detail);
    let (by, what) = asked.split_once(": ").unwrap_or((asked, ""));
    match step.reason.as_str() {
        "command-refused" => format!("address not changed: {what}; asked for by {by}"),
        "already-applied" => format!("the same address given again, by {by}"),
        _ => format!("address changed by {by}: {what}"),
    }
}

/// The carrier's own words, which follow carrier, number and time.
fn said(scan: &str) -> String {
    let words = scan.split_once(": ").map_or("", |(_, words)| words.trim());
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// The outcome of a request to cancel.
fn cancelled(step: &Step) -> String {
    let asked = step.detail.strip_prefix("asked for by ").unwrap_or(&step.detail);
    let (by, why) = asked.split_once(": ").unwrap_or((asked, ""));
    // A code only repeats who asked.
    let why = match why {
        "" | "operator-cancelled" | "customer-cancelled" => String::new(),
        why => format!(": {why}"),
    };
    match step.reason.as_str() {
        "command-refused" => {
            format!("not cancelled, because it is {}; asked for by {by}{why}", left(step.to))
        }
        "already-applied" => format!("cancellation asked for again, by {by}{why}"),
        _ => format!("cancelled by {by}{why}"),
    }
}

/// Why an order in this state is not cancelled.
pub(super) fn left(state: OrderState) -> String {
    if state.may_become(OrderState::Cancelled) {
        format!("{state} and a parcel of it has left")
    } else {
        state.to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn step(event: &str, to: OrderState, reason: &str, detail: &str) -> Step {
        Step {
            at: Timestamp::UNIX_EPOCH,
            event: event.to_owned(),
            from: Some(OrderState::Accepted),
            to,
            reason: reason.to_owned(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn every_step_has_words_of_its_own() {
        use OrderState::*;
        let scan = "parcel 1 of 2, usps 9205 at 2026-11-29T18:33:52.757Z: left the depot";
        let steps = [
            step("order.placed", Accepted, "order-valid", "2 lines from north by api"),
            step("order.placed", Accepted, "order-valid", "1 lines from north by api"),
            step("order.placed", Accepted, "already-applied", "1 lines from north by api"),
            step("stock.reserved", Reserved, "step-done", "2 allocations, until 2026-11-29T18:33:52Z"),
            step("stock.released", Accepted, "reservation-expired", "reservation-expired"),
            step("payment.captured", Paid, "step-done", "993.90 USD, ch_1"),
            step("payment.captured", Paid, "already-applied", "993.90 USD, ch_1"),
            step("payment.captured", Cancelled, "captured-after-cancellation", "993.90 USD, ch_1"),
            step(
                "order.refund-requested",
                Paid,
                "step-done",
                "r-1: 5.00 USD asked for by operator ann: broken",
            ),
            step(
                "order.refund-requested",
                Paid,
                "command-refused",
                "r-1: asked for by operator ann: nothing is captured",
            ),
            step("payment.refund-approved", Paid, "step-done", "r-1: 5.00 USD of stripe: broken"),
            step(
                "payment.refund-refused",
                Paid,
                "command-refused",
                "r-1: refund-above-captured: 5.00 USD is too much",
            ),
            step(
                "payment.refunded",
                Cancelled,
                "step-done",
                "cancellation: 993.90 USD, re_1: operator-cancelled",
            ),
            step("payment.voided", Cancelled, "step-done", "pi_1: operator-cancelled"),
            step("stock.picked", Picked, "step-done", "parcel 1 of 1, at reno"),
            step("label.created", Labelled, "step-done", "parcel 1 of 1, usps ground 9205"),
            step("label.voided", Cancelled, "step-done", "parcel 1, usps 9205: operator-cancelled"),
            step("shipment.ready-for-pickup", Ready, "step-done", "parcel 1 of 1, at reno"),
            step("order.collection-reported", Delivered, "step-done", "noted by operator ann"),
            step("order.collection-reported", Delivered, "already-applied", "noted by operator ann"),
            step("order.collection-reported", Paid, "command-refused", "noted by operator ann"),
            step("shipment.collected", Delivered, "already-applied", "parcel 1 of 1"),
            step("shipment.despatched", Despatched, "step-done", scan),
            step("shipment.delivered", Delivered, "step-done", "parcel 1 of 1, usps 9205 at noon: "),
            step("shipment.failed", Despatched, "step-done", scan),
            step("shipment.returned", Returned, "parcel-returned", scan),
            step("review.received", Completed, "all-done", "4 of 5 stars"),
            step("review.lapsed", Completed, "all-done", ""),
            step("notification.skipped", Accepted, "no-mail-address", "accepted"),
            step("gift.wrapped", Paid, "step-done", "in blue"),
        ];
        let lines: Vec<String> = steps.iter().map(words).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
accepted, 2 lines
accepted, 1 line
placed again; it is the same order
stock reserved
stock released, because the reservation expired
payment captured, 993.90 USD
payment captured, 993.90 USD (known already)
payment captured, 993.90 USD; it goes back, because the order was cancelled
refund of 5.00 USD asked for by operator ann: broken
refund refused, asked for by operator ann: nothing is captured
refund approved, 5.00 USD of stripe: broken
not refunded: refund-above-captured: 5.00 USD is too much
payment refunded, 993.90 USD
authorisation released
parcel picked at reno
parcel labelled, usps ground 9205
label of parcel 1 voided, usps 9205
parcel ready to be collected at reno
collection noted by operator ann
collection noted by operator ann again
collection refused, because nothing is ready; noted by operator ann
parcel collected (known already)
parcel 1 of 2 handed to the carrier: left the depot
parcel delivered
parcel 1 of 2 could not be delivered: left the depot
parcel 1 of 2 on its way back: left the depot
reviewed, 4 of 5 stars
not reviewed, and not asked again
mail not sent, because there is no address for it: accepted
gift.wrapped in blue
"#);
    }

    #[test]
    fn a_cancellation_says_who_asked_and_why_it_was_refused() {
        let asked = |to, reason, detail| words(&step("order.cancel-requested", to, reason, detail));
        let by_code = "asked for by operator: operator-cancelled";
        let by_ann = "asked for by operator ann: out of print";
        assert_eq!(asked(OrderState::Cancelled, "operator-cancelled", by_code), "cancelled by operator");
        assert_eq!(
            asked(OrderState::Cancelled, "operator-cancelled", by_ann),
            "cancelled by operator ann: out of print"
        );
        assert_eq!(
            asked(OrderState::Despatched, "command-refused", by_ann),
            "not cancelled, because it is despatched; asked for by operator ann: out of print"
        );
        assert_eq!(
            asked(OrderState::Labelled, "command-refused", by_code),
            "not cancelled, because it is labelled and a parcel of it has left; asked for by operator"
        );
        assert_eq!(
            asked(OrderState::Cancelled, "already-applied", by_code),
            "cancellation asked for again, by operator"
        );
    }

    #[test]
    fn a_change_of_the_address_says_what_changed_and_why_it_was_refused() {
        let asked =
            |reason, detail| words(&step("order.address-change-requested", OrderState::Paid, reason, detail));
        assert_eq!(
            asked("step-done", "asked for by customer: another street1, postcode"),
            "address changed by customer: another street1, postcode"
        );
        assert_eq!(
            asked("command-refused", "asked for by customer: the new address is in another country"),
            "address not changed: the new address is in another country; asked for by customer"
        );
        assert_eq!(
            asked("already-applied", "asked for by customer: another "),
            "the same address given again, by customer"
        );
    }
}
