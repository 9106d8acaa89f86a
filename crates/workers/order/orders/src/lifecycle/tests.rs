//! No history, however disordered, duplicated or incomplete, leads to a state or a transition that is not allowed.

use despatch_contracts::order::Line;
use proptest::prelude::*;

use super::*;

mod collected;

#[derive(Debug, Clone, Copy)]
enum Input {
    Fact(Fact<'static>),
    Cancel,
    Collect,
    /// The shop has so many units of the order by now.
    Reorder(i64),
}

const REFUND: Refund<'static> = Refund { id: "r-1", tender: 1 };

/// The units of every parcel here.
const EACH: i64 = 2;

/// An accepted order whose units fill so many parcels.
fn order(parcels: u32) -> Lifecycle {
    Lifecycle { ordered: i64::from(parcels) * EACH, ..Lifecycle::default() }
}

/// All facts of a successful order of `parcels` parcels, in order.
fn good_history(parcels: u32) -> Vec<Fact<'static>> {
    let stages = [ParcelStage::Labelled, ParcelStage::Despatched, ParcelStage::Delivered];
    let picked = (1..=parcels).map(|number| Fact::Picked(number, EACH));
    let scans =
        stages.into_iter().flat_map(|stage| (1..=parcels).map(move |number| Fact::Parcel(stage, number)));
    let start = [Fact::StockReserved, Fact::PaymentCaptured].into_iter();
    start.chain(picked).chain(scans).chain([Fact::ReviewEnded]).collect()
}

fn after(parcels: u32, facts: impl IntoIterator<Item = Fact<'static>>) -> Lifecycle {
    let mut order = order(parcels);
    for fact in facts {
        order.apply(fact).unwrap_or_else(|reason| panic!("{fact:?} became a case: {reason}"));
    }
    order
}

/// Numbers that parcels have and numbers that they cannot have.
fn any_parcel() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1_u32..=3, 1 => any::<u32>(), 1 => Just(0)]
}

fn any_stage() -> impl Strategy<Value = ParcelStage> {
    prop::sample::select(ParcelStage::ALL.to_vec())
}

fn any_fact() -> impl Strategy<Value = Fact<'static>> {
    prop_oneof![
        Just(Fact::StockReserved),
        Just(Fact::StockReleased),
        Just(Fact::PaymentCaptured),
        Just(Fact::PaymentRefunded(REFUND)),
        Just(Fact::RefundApproved(REFUND)),
        Just(Fact::RefundRefused("r-2")),
        Just(Fact::RefundFailed(REFUND)),
        Just(Fact::Disputed("du-1")),
        Just(Fact::DisputeLost("du-1")),
        Just(Fact::PaymentVoided),
        Just(Fact::ReviewEnded),
        Just(Fact::MailSkipped),
        any_parcel().prop_map(Fact::DeliveryFailed),
        any_parcel().prop_map(Fact::ParcelVoided),
        (any_parcel(), -1..=2 * EACH).prop_map(|(parcel, units)| Fact::Picked(parcel, units)),
        any_parcel().prop_map(|parcel| Fact::Picked(parcel, EACH)),
        (any_stage(), any_parcel()).prop_map(|(stage, parcel)| Fact::Parcel(stage, parcel)),
        (any_stage(), any_parcel()).prop_map(|(stage, parcel)| Fact::Parcel(stage, parcel)),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![12 => any_fact().prop_map(Input::Fact), 1 => Just(Input::Cancel), 1 => Just(Input::Collect)];
    prop::collection::vec(input, 0..40)
}

/// A history of an order that its shop changes.
fn any_changed_history() -> impl Strategy<Value = Vec<Input>> {
    (any_history(), prop::collection::vec((0..=2 * EACH).prop_map(Input::Reorder), 0..5))
        .prop_map(|(history, changes)| [history, changes].concat())
        .prop_shuffle()
}

/// The successful history with some facts missing, some twice, in any order.
fn disordered_history() -> impl Strategy<Value = (u32, Vec<Fact<'static>>)> {
    (1_u32..=4).prop_flat_map(|parcels| {
        let twice = [good_history(parcels), good_history(parcels)].concat();
        let most = twice.len();
        (Just(parcels), prop::sample::subsequence(twice, 0..=most).prop_shuffle())
    })
}

fn apply(order: &mut Lifecycle, input: Input) -> Result<Step, Reason> {
    match input {
        Input::Fact(fact) => order.apply(fact),
        Input::Cancel => Ok(order.cancel(Reason::CustomerCancelled)),
        Input::Collect => Ok(order.collect().0),
        // As the handlers do: not once a parcel has left.
        Input::Reorder(_) if !order.is_ours() => Ok(Step::none(order.state(), Reason::CommandRefused)),
        Input::Reorder(units) => {
            let lines = vec![Line { quantity: units, ..Line::default() }];
            Ok(order.reorder(&Order { lines, ..Order::default() }))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_sequence_reaches_an_illegal_state(history in any_changed_history(), parcels in 0_u32..=2) {
        let mut order = order(parcels);
        let (mut refunds, mut voids, mut completed, mut returned) = (0, 0, 0, 0);
        for input in history {
            let before = order.clone();
            let Ok(step) = apply(&mut order, input) else {
                prop_assert_eq!(&order, &before, "a case changes nothing");
                continue;
            };
            prop_assert_eq!(step.from, before.state());
            prop_assert_eq!(step.to, order.state());
            prop_assert!(step.from == step.to || step.from.may_become(step.to), "{step:?} on {input:?}");
            refunds += u32::from(step.refund);
            voids += u32::from(step.void);
            completed += u32::from(step.enters(OrderState::Completed));
            returned += u32::from(step.enters(OrderState::Returned));

            if order.state() == OrderState::Cancelled {
                prop_assert!(!order.parcels.values().any(ParcelFacts::has_left));
            }
            if order.state() == OrderState::Completed {
                let delivered = order.parcels.values().filter(|it| it.stage >= Some(ParcelStage::Collected));
                let units: i64 = delivered.filter_map(|parcel| parcel.units).sum();
                prop_assert!(units >= order.ordered, "{order:?}");
                let last = if order.has_units() { Mark::Reviewed } else { Mark::Captured };
                prop_assert!(order.has(last));
            }
        }
        prop_assert!(refunds <= 1 && voids <= 1 && completed <= 1 && returned <= 1);
        let cancelled = order.state() == OrderState::Cancelled;
        if cancelled && order.has(Mark::Captured) {
            prop_assert_eq!(refunds, 1, "money of a cancelled order goes back");
        }
        if !cancelled {
            prop_assert_eq!((refunds, voids), (0, 0));
        }
    }

    #[test]
    fn cases_do_not_stop_an_order(history in any_history(), rest in Just(good_history(2)).prop_shuffle()) {
        let mut order = order(2);
        for input in history {
            let before = order.state();
            // A case leaves the order as it was, so the next fact is applied all the same.
            if apply(&mut order, input).is_err() {
                prop_assert_eq!(order.state(), before);
            }
        }
        if order.state() != OrderState::Cancelled && order.state() != OrderState::Returned {
            for fact in rest {
                prop_assert!(order.apply(fact).is_ok());
            }
            prop_assert_eq!(order.state(), OrderState::Completed);
        }
    }

    #[test]
    fn any_facts_lead_to_one_state_whatever_their_order_and_however_often_they_come(
        (facts, shuffled) in prop::collection::vec(any_fact(), 0..20).prop_flat_map(|facts| {
            let twice = [facts.clone(), facts.clone()].concat();
            (Just(facts), Just(twice).prop_shuffle())
        }),
        parcels in 0_u32..=2,
    ) {
        // A case changes nothing, so it is no fact of the set.
        let applied = |facts: Vec<Fact<'static>>| {
            let mut order = order(parcels);
            for fact in facts {
                let _ = order.apply(fact);
            }
            order
        };
        prop_assert_eq!(applied(facts), applied(shuffled));
    }

    #[test]
    fn an_added_parcel_takes_nothing_back(history in any_history(), added in 1_u32..=5, units in 0..=EACH) {
        let mut order = order(2);
        for input in history {
            let _ = apply(&mut order, input);
        }
        let before = order.state();
        order.apply(Fact::Picked(added, units)).unwrap();
        prop_assert!(order.state() >= before, "{before} to {}", order.state());
    }

    #[test]
    fn a_fact_twice_is_a_fact_once(history in any_history(), fact in any_fact()) {
        let mut once = order(2);
        for input in history {
            let _ = apply(&mut once, input);
        }
        let first = once.apply(fact);
        let mut twice = once.clone();
        let again = twice.apply(fact);
        prop_assert_eq!(&once, &twice);
        match (first, again) {
            (Err(first), Err(again)) => prop_assert_eq!(first, again),
            (first, Ok(again)) => {
                prop_assert!(first.is_ok());
                let known = if fact == Fact::MailSkipped { Reason::NoMailAddress } else { Reason::AlreadyApplied };
                prop_assert_eq!((again.reason, again.refund), (known, false));
            }
            (Ok(_), Err(again)) => prop_assert!(false, "first applied, then a case: {again}"),
        }
    }

    #[test]
    fn the_state_follows_from_the_facts_whatever_their_order((parcels, history) in disordered_history()) {
        let in_order = good_history(parcels).into_iter().filter(|fact| history.contains(fact));
        prop_assert_eq!(after(parcels, history.clone()), after(parcels, in_order));
    }

    #[test]
    fn every_permutation_of_a_full_history_completes(
        (parcels, history) in
            (1_u32..=4).prop_flat_map(|parcels| (Just(parcels), Just(good_history(parcels)).prop_shuffle())),
    ) {
        let mut order = order(parcels);
        let completions = history.into_iter().filter(|fact| order.apply(*fact).unwrap().enters(OrderState::Completed));
        prop_assert_eq!(completions.count(), 1);
        prop_assert_eq!(order.state(), OrderState::Completed);
    }

    #[test]
    fn what_is_stored_is_what_is_read((parcels, history) in disordered_history()) {
        let order = after(parcels, history);
        let stored = serde_json::to_string(&order).unwrap();
        prop_assert_eq!(serde_json::from_str::<Lifecycle>(&stored).unwrap(), order);
    }
}

#[test]
fn an_order_is_as_far_as_all_of_its_units() {
    let mut order = after(2, [Fact::StockReserved, Fact::PaymentCaptured]);
    order.apply(Fact::Picked(2, EACH)).unwrap();
    order.apply(Fact::Parcel(ParcelStage::Delivered, 2)).unwrap();
    assert_eq!(order.state(), OrderState::Paid, "nothing is known of the other units");
    order.apply(Fact::Parcel(ParcelStage::Labelled, 1)).unwrap();
    assert_eq!(order.state(), OrderState::Paid, "nothing is known of the contents");
    order.apply(Fact::Picked(1, EACH)).unwrap();
    assert_eq!(order.state(), OrderState::Labelled);
    let refused = order.cancel(Reason::CustomerCancelled);
    assert_eq!(
        (refused.to, refused.reason),
        (OrderState::Labelled, Reason::CommandRefused),
        "the other one has left"
    );
}

#[test]
fn a_parcel_that_was_added_later_is_no_case() {
    // One parcel was picked short, and the rest follows in another one.
    let mut order = after(2, [Fact::PaymentCaptured, Fact::Picked(1, EACH)]);
    order.apply(Fact::Parcel(ParcelStage::Delivered, 1)).unwrap();
    assert_eq!(order.state(), OrderState::Paid);
    order.apply(Fact::Picked(2, 1)).unwrap();
    order.apply(Fact::Parcel(ParcelStage::Delivered, 2)).unwrap();
    order.apply(Fact::Picked(3, EACH - 1)).unwrap();
    assert_eq!(order.state(), OrderState::Picked);
    order.apply(Fact::Parcel(ParcelStage::Despatched, 3)).unwrap();
    assert_eq!(order.state(), OrderState::Despatched);
}

#[test]
fn units_of_a_voided_parcel_go_in_another_one() {
    let mut order = after(1, [Fact::PaymentCaptured, Fact::Picked(1, EACH)]);
    order.apply(Fact::Parcel(ParcelStage::Labelled, 1)).unwrap();
    let voided = order.apply(Fact::ParcelVoided(1)).unwrap();
    assert_eq!((voided.from, voided.to), (OrderState::Labelled, OrderState::Paid));
    order.apply(Fact::Picked(2, EACH)).unwrap();
    assert_eq!(order.state(), OrderState::Picked);
    // It left all the same.
    order.apply(Fact::Parcel(ParcelStage::Despatched, 1)).unwrap();
    assert_eq!(order.state(), OrderState::Despatched);
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused);
}

#[test]
fn an_order_with_nothing_to_send_completes_when_it_is_paid() {
    let mut order = after(0, [Fact::StockReserved]);
    assert_eq!(order.state(), OrderState::Reserved);
    let paid = order.apply(Fact::PaymentCaptured).unwrap();
    assert!(paid.enters(OrderState::Completed));
    assert_eq!(paid.reason, Reason::AllDone);
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused);
}

#[test]
fn only_units_that_we_pick_are_counted() {
    use despatch_contracts::order::Fulfilment;

    let line = |fulfilment: Fulfilment, quantity, removed| Line {
        fulfilment: fulfilment.into(),
        quantity,
        removed,
        ..Line::default()
    };
    let lines = vec![
        line(Fulfilment::Unspecified, 3, 1),
        line(Fulfilment::Pickup, 2, 0),
        line(Fulfilment::OtherService, 5, 0),
        line(Fulfilment::Digital, 7, 0),
        line(Fulfilment::None, 1, 0),
        line(Fulfilment::Ours, 4, 4),
    ];
    assert_eq!(Lifecycle::of(&Order { lines, ..Order::default() }).ordered, 4);
}

#[test]
fn money_captured_after_the_cancellation_goes_back_once() {
    let mut order = after(1, [Fact::StockReserved]);
    let cancelled = order.cancel(Reason::CustomerCancelled);
    assert_eq!((cancelled.to, cancelled.void, cancelled.refund), (OrderState::Cancelled, true, false));
    let captured = order.apply(Fact::PaymentCaptured).unwrap();
    assert_eq!((captured.reason, captured.refund), (Reason::CapturedAfterCancellation, true));
    let again = order.apply(Fact::PaymentCaptured).unwrap();
    assert_eq!((again.reason, again.refund), (Reason::AlreadyApplied, false));
}

#[test]
fn captured_money_goes_back_with_the_cancellation() {
    let mut order = after(1, [Fact::StockReserved, Fact::PaymentCaptured]);
    let cancelled = order.cancel(Reason::OperatorCancelled);
    assert_eq!((cancelled.void, cancelled.refund), (false, true));
    assert_eq!(cancelled.reason, Reason::OperatorCancelled);
    let again = order.cancel(Reason::CustomerCancelled);
    assert_eq!((again.reason, again.void, again.refund), (Reason::AlreadyApplied, false, false));
}

#[test]
fn a_parcel_that_leaves_after_the_cancellation_is_a_case() {
    let mut order = after(1, [Fact::StockReserved, Fact::PaymentCaptured]);
    order.cancel(Reason::CustomerCancelled);
    assert!(order.apply(Fact::Parcel(ParcelStage::Labelled, 1)).is_ok(), "packed before the word came");
    let left = order.apply(Fact::Parcel(ParcelStage::Despatched, 1));
    assert_eq!(left, Err(Reason::UnexpectedFact));
}

#[test]
fn a_failed_delivery_is_a_case_until_the_parcel_arrives() {
    let only = 1;
    let mut order = after(1, [Fact::Parcel(ParcelStage::Despatched, only)]);
    assert_eq!(order.apply(Fact::DeliveryFailed(only)), Err(Reason::DeliveryFailed));
    order.apply(Fact::Parcel(ParcelStage::Delivered, only)).unwrap();
    assert_eq!(order.apply(Fact::DeliveryFailed(only)).map(|step| step.reason), Ok(Reason::AlreadyApplied));
}

#[test]
fn numbers_that_no_parcel_has_are_cases() {
    for number in [0, LAST_PARCEL + 1, u32::MAX] {
        let mut order = order(1);
        for fact in [
            Fact::Picked(number, EACH),
            Fact::Parcel(ParcelStage::Despatched, number),
            Fact::ParcelVoided(number),
            Fact::DeliveryFailed(number),
        ] {
            assert_eq!(order.apply(fact), Err(Reason::UnexpectedFact), "{fact:?}");
        }
        assert_eq!(order, self::order(1), "and no memory is taken for them");
    }
}

#[test]
fn a_reservation_that_ends_before_the_payment_takes_the_order_back() {
    let mut order = after(1, [Fact::StockReserved]);
    let lapsed = order.apply(Fact::StockReleased).unwrap();
    assert_eq!((lapsed.to, lapsed.reason), (OrderState::Accepted, Reason::ReservationExpired));
}

#[test]
fn nothing_takes_a_returned_order_anywhere() {
    let mut order = after(2, good_history(2));
    let returned = order.apply(Fact::Parcel(ParcelStage::Returned, 1)).unwrap();
    assert!(returned.enters(OrderState::Returned));
    assert_eq!(returned.reason, Reason::ParcelReturned);
    order.apply(Fact::Parcel(ParcelStage::Returned, 2)).unwrap();
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused);
    assert_eq!(order.state(), OrderState::Returned);
}
