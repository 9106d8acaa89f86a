//! The checks of every accepted order, whatever happened meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use despatch_sandbox::OrderCounts;
use despatch_status::OrderState;

use super::dead_letters::{BEFORE_CAPTURE, BEFORE_RESERVATION};
use super::expected::Expected;
use super::record::Record;

/// The handler that gives orders back what a count took from them, or has a case made.
const RESTORE: &str = "inventory.restore";

/// Returns the defects of an order. `paid` are Stripe's effects, `sent` those of the carrier and the mail server.
pub(super) fn all(
    expected: &Expected,
    record: &Record,
    paid: &OrderCounts,
    sent: &OrderCounts,
) -> Vec<String> {
    let mut wrong = Vec::new();
    end(record, &mut wrong);
    transitions(record, &mut wrong);
    cancellation(expected, record, &mut wrong);
    money(expected, record, paid, &mut wrong);
    stock(expected, record, &mut wrong);
    labels(record, sent, &mut wrong);
    messages(record, sent, &mut wrong);
    wrong
}

/// The order is finished, or there is a case that a person sees.
fn end(record: &Record, wrong: &mut Vec<String>) {
    let ended =
        matches!(record.state, Some(OrderState::Completed | OrderState::Cancelled | OrderState::Returned));
    if !ended && !record.is_unpaid && record.cases.is_empty() {
        let state = record.state.map_or("not even accepted", OrderState::name);
        wrong.push(format!("is {state}, and there is no case about it"));
    }
    for letter in record.dead.iter().filter(|letter| !record.cases.contains(&letter.handler)) {
        wrong.push(format!("{} gave up ({}), but there is no case", letter.handler, letter.reason));
    }
}

/// The timeline has no gaps, and every transition is allowed.
fn transitions(record: &Record, wrong: &mut Vec<String>) {
    let mut last = None;
    for (expected, (seq, from, to)) in (1..).zip(&record.timeline) {
        if *seq != expected {
            return wrong.push(format!("its timeline has no entry {expected}"));
        }
        let legal = match (from, to) {
            (Some(from), Some(to)) => from == to || from.may_become(*to),
            (None, Some(_)) => expected == 1,
            (_, None) => false,
        };
        if !legal || *from != last {
            let name = |state: &Option<OrderState>| state.map_or("nothing", OrderState::name);
            wrong.push(format!(
                "entry {seq} of its timeline goes from {} to {} after {}",
                name(from),
                name(to),
                name(&last)
            ));
        }
        last = *to;
    }
    if last != record.state {
        wrong.push("its state is not the last of its timeline".to_owned());
    }
}

/// The shop's cancellation cancels, unless a parcel left before; the timeline then says so.
fn cancellation(expected: &Expected, record: &Record, wrong: &mut Vec<String>) {
    let is_cancelled = expected.changing.as_ref().is_some_and(|it| it.is_cancelled);
    if !is_cancelled || record.state.is_none() || record.state == Some(OrderState::Cancelled) {
        return;
    }
    if !record.cancel_asked {
        wrong.push("the shop cancelled it, and its timeline does not say so".to_owned());
    }
    let has_left = record.units.values().sum::<i64>() > record.unshipped;
    if !has_left && record.cases.is_empty() {
        wrong.push("the shop cancelled it, no parcel left, and it is not cancelled".to_owned());
    }
}

/// The payment is captured once and in full, unless it was refused before. Of a changed order what its last word wants is
/// kept, or there is a case.
fn money(expected: &Expected, record: &Record, paid: &OrderCounts, wrong: &mut Vec<String>) {
    if paid.captures > 1 {
        wrong.push(format!("captured {} times", paid.captures));
    }
    let cancelled = record.state == Some(OrderState::Cancelled);
    let left = paid.captured_minor - paid.refunded_minor;
    let refunded = record.refunded_parts_minor;
    let due = match &expected.changing {
        _ if cancelled || record.is_unpaid => 0..=0,
        None if record.died_at(&BEFORE_CAPTURE) => 0..=0,
        None => expected.minor - refunded..=expected.minor - refunded,
        // A refund for other reasons before a change may be a part of what the change gives back.
        Some(_) if record.cases.is_empty() => (expected.minor - refunded).max(0)..=expected.minor,
        Some(changing) => 0..=changing.most_minor,
    };
    if !due.contains(&left) {
        wrong.push(format!("Stripe captured {left} (less refunds), {due:?} are due (less refunds)"));
    }
    if record.open_refunds > 0 && !record.died_in("payments") {
        wrong.push(format!("{} refunds are approved and not made", record.open_refunds));
    }
    let recorded = record.captured_minor - record.refunded_minor;
    if recorded != left {
        wrong.push(format!("payments recorded {recorded}, Stripe captured {left}"));
    }
}

/// The units are reserved or shipped, all of them or none. Of a changed order these are those of its last word, or there is a
/// case. An order from which a count took units lacks exactly those, and has a case.
fn stock(expected: &Expected, record: &Record, wrong: &mut Vec<String>) {
    let holds = match record.reservation.as_deref() {
        Some("held" | "confirmed") => true,
        Some(_) => false,
        None => {
            // A cancellation may come before the reservation.
            let is_over = record.is_unpaid || record.state == Some(OrderState::Cancelled);
            let may_lack = record.died_at(&BEFORE_RESERVATION) || expected.changing.is_some() && is_over;
            if !may_lack {
                wrong.push("its units were never reserved".to_owned());
            }
            false
        }
    };
    let Expected { units: ordered, changing, .. } = expected;
    // A cancellation that overtakes an earlier change says all of it. If every parcel had left, it is refused, and they have what
    // the order was before.
    let all_left = record.unshipped == 0 && record.cancel_asked;
    let is_right = match changing {
        Some(changing) if !record.cases.is_empty() || (changing.is_cancelled && all_left) => {
            record.units.iter().all(|(sku, units)| units <= changing.most_units.get(sku).unwrap_or(&0))
        }
        _ => record.units == *ordered || lacks_only_withdrawn(record, ordered),
    };
    if holds && !is_right {
        wrong.push(format!("holds {:?}, ordered {ordered:?}", record.units));
    }
    // A parcel that left while its order was being cancelled keeps its units, and is a case.
    if !holds && !record.units.is_empty() && !record.died_in("orders") {
        wrong.push(format!("holds {:?} without a reservation", record.units));
    }
    if record.state == Some(OrderState::Completed) && record.unshipped > 0 && !record.died_in("inventory") {
        wrong.push(format!("completed, but {} units are not booked as shipped", record.unshipped));
    }
}

/// Returns whether the order lacks exactly the units that counts took from it, and a person knows.
fn lacks_only_withdrawn(record: &Record, ordered: &BTreeMap<String, i64>) -> bool {
    let holds_no_other = record.units.iter().all(|(sku, units)| ordered.get(sku) >= Some(units));
    let lacking = ordered.values().sum::<i64>() - record.units.values().sum::<i64>();
    holds_no_other && lacking == record.withdrawn && record.cases.iter().any(|case| case == RESTORE)
}

/// Each parcel has one label, here and at the carrier, and none if the order is cancelled: bought = valid + voided.
fn labels(record: &Record, sent: &OrderCounts, wrong: &mut Vec<String>) {
    let gave_up = record.died_in("labels");
    if record.reservation.as_deref() == Some("confirmed") && !gave_up {
        let has_label = |parcel: &&i32| record.labels.contains(parcel) || record.voided.contains(parcel);
        for parcel in record.parcels.iter().filter(|parcel| !has_label(parcel)) {
            wrong.push(format!("parcel {parcel} has no label"));
        }
    }
    if record.reservation.as_deref() == Some("confirmed") && !gave_up {
        // A count may leave nothing in a parcel that has its label.
        let is_emptied = record.withdrawn > 0 && record.died_at(&[RESTORE]);
        for parcel in record.labels.iter().filter(|parcel| !record.parcels.contains(parcel) && !is_emptied) {
            wrong.push(format!("parcel {parcel} is not sent, and its label is not voided"));
        }
    }
    let valid =
        |parcel: &i32| sent.labels.get(&parcel.to_string()).map_or(0, |count| count.bought - count.voided);
    for parcel in record.labels.iter().filter(|parcel| valid(parcel) == 0) {
        wrong.push(format!("parcel {parcel} has a label that the carrier does not know"));
    }
    if record.state == Some(OrderState::Cancelled) && !gave_up {
        for parcel in &record.labels {
            wrong.push(format!("is cancelled, and the label of parcel {parcel} is not voided"));
        }
    }
    for (parcel, count) in &sent.labels {
        let left = count.bought - count.voided;
        let known = parcel.parse().is_ok_and(|parcel| record.labels.contains(&parcel));
        if left > 1 {
            wrong.push(format!("the carrier sold {left} labels for parcel {parcel}"));
        } else if left == 1 && !known && !gave_up {
            wrong.push(format!("the carrier sold a label for parcel {parcel} that labels did not record"));
        }
    }
}

/// The customer was notified of every milestone, under one Message-ID each, and of nothing else.
fn messages(record: &Record, sent: &OrderCounts, wrong: &mut Vec<String>) {
    let gave_up = record.died_in("notifications");
    let recorded: BTreeSet<&str> = record.messages.iter().map(|it| it.id.as_str()).collect();
    let arrived: BTreeSet<&str> = sent.mails.iter().map(|mail| mail.message_id.as_str()).collect();
    for id in recorded.difference(&arrived) {
        wrong.push(format!("message {id} never reached the mail server"));
    }
    // A try that sent a message may end before its record. If the later message about the parcel went out before the next
    // try, that one sends and records nothing.
    let is_superseded = |id: &str| {
        let later = id.strip_prefix("despatched.").map(|parcel| format!("delivered.{parcel}"));
        later.is_some_and(|later| recorded.contains(later.as_str()))
    };
    for id in arrived.difference(&recorded).filter(|id| !gave_up && !is_superseded(id)) {
        wrong.push(format!("message {id} was sent, but notifications did not record it"));
    }
    if gave_up {
        return;
    }
    let mut expect = |milestone: &str, part: i32| {
        let part = part.to_string();
        if !record.messages.iter().any(|it| it.milestone == milestone && it.part == part) {
            wrong.push(format!("the customer was never notified: {milestone} {part}"));
        }
    };
    if record.state.is_some() {
        expect("accepted", 0);
    }
    if record.state == Some(OrderState::Completed) {
        expect("review", 0);
        // A parcel that arrived before its despatch was scanned is not said to be on its way. One that was made again while the
        // first was with the carrier does not go: that is a case.
        let stays = |parcel: &i32| record.died_in("inventory") && record.unshipped_parcels.contains(parcel);
        for parcel in record.parcels.iter().filter(|parcel| !stays(parcel)) {
            expect("delivered", *parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_lacks_only_what_a_count_took_and_a_person_knows() {
        let units =
            |units: &[(&str, i64)]| units.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect();
        let ordered = units(&[("A", 3), ("B", 1)]);
        let lacks = |held: &[(&str, i64)], withdrawn, case: &str| {
            let record =
                Record { units: units(held), withdrawn, cases: vec![case.to_owned()], ..Record::default() };
            lacks_only_withdrawn(&record, &ordered)
        };
        assert!(lacks(&[("A", 1), ("B", 1)], 2, RESTORE));
        assert!(lacks(&[("A", 2)], 2, RESTORE), "one unit of each");
        assert!(!lacks(&[("A", 1), ("B", 1)], 2, "labels.create"), "nobody knows");
        assert!(!lacks(&[("A", 1), ("B", 1)], 1, RESTORE), "one more is lost");
        assert!(!lacks(&[("A", 3), ("B", 1)], 2, RESTORE), "it still holds what was counted away");
        assert!(!lacks(&[("A", 1), ("C", 1)], 2, RESTORE), "it holds what it did not order");
    }
}
