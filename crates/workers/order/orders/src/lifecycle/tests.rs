//! No history, however disordered, duplicated or incomplete, leads to a state or a transition that is not allowed.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Input {
    Fact(Fact<'static>),
    Cancel,
}

const REFUND: Refund<'static> = Refund { id: "r-1", tender: 1 };

fn parcel(number: u32, of: u32) -> Parcel {
    Parcel { number, of }
}

/// All facts of a successful order of `parcels` parcels, in order.
fn good_history(parcels: u32) -> Vec<Fact<'static>> {
    let stages =
        [ParcelStage::Picked, ParcelStage::Labelled, ParcelStage::Despatched, ParcelStage::Delivered];
    let parcels = (1..=parcels).map(|number| parcel(number, parcels));
    let scans = stages.into_iter().flat_map(|stage| parcels.clone().map(move |p| Fact::Parcel(stage, p)));
    [Fact::StockReserved, Fact::PaymentCaptured].into_iter().chain(scans).chain([Fact::ReviewEnded]).collect()
}

fn after(facts: impl IntoIterator<Item = Fact<'static>>) -> Lifecycle {
    let mut order = Lifecycle::default();
    for fact in facts {
        order.apply(fact).unwrap_or_else(|reason| panic!("{fact:?} became a case: {reason}"));
    }
    order
}

/// Parcels that exist and parcels that cannot.
fn any_parcel() -> impl Strategy<Value = Parcel> {
    prop_oneof![
        8 => (1_u32..=2).prop_map(|number| parcel(number, 2)),
        1 => any::<(u32, u32)>().prop_map(|(number, of)| parcel(number, of)),
        1 => (0_u32..4, 0_u32..4).prop_map(|(number, of)| parcel(number, of)),
    ]
}

fn any_stage() -> impl Strategy<Value = ParcelStage> {
    let stages = [
        ParcelStage::Picked,
        ParcelStage::Labelled,
        ParcelStage::Despatched,
        ParcelStage::Delivered,
        ParcelStage::Returned,
    ];
    prop::sample::select(stages.to_vec())
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
        (any_stage(), any_parcel()).prop_map(|(stage, parcel)| Fact::Parcel(stage, parcel)),
        (any_stage(), any_parcel()).prop_map(|(stage, parcel)| Fact::Parcel(stage, parcel)),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![12 => any_fact().prop_map(Input::Fact), 1 => Just(Input::Cancel)];
    prop::collection::vec(input, 0..40)
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
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_sequence_reaches_an_illegal_state(history in any_history()) {
        let mut order = Lifecycle::default();
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

            let stages = &order.parcels;
            if order.state() == OrderState::Cancelled {
                prop_assert!(stages.iter().flatten().all(|stage| *stage < ParcelStage::Despatched));
            }
            if order.state() == OrderState::Completed {
                prop_assert!(!stages.is_empty() && stages.iter().all(|s| *s == Some(ParcelStage::Delivered)));
                prop_assert!(order.has(Mark::Reviewed));
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
        let mut order = Lifecycle::default();
        for input in history {
            let before = order.state();
            // A case leaves the order as it was, so the next fact is applied all the same.
            if apply(&mut order, input).is_err() {
                prop_assert_eq!(order.state(), before);
            }
        }
        let two_parcels = order.parcels.is_empty() || order.parcels.len() == 2;
        if two_parcels && order.state() != OrderState::Cancelled && order.state() != OrderState::Returned {
            for fact in rest {
                prop_assert!(order.apply(fact).is_ok());
            }
            prop_assert_eq!(order.state(), OrderState::Completed);
        }
    }

    #[test]
    fn a_fact_twice_is_a_fact_once(history in any_history(), fact in any_fact()) {
        let mut once = Lifecycle::default();
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
        prop_assert_eq!(after(history.clone()), after(in_order));
    }

    #[test]
    fn every_permutation_of_a_full_history_completes(
        history in (1_u32..=4).prop_flat_map(|parcels| Just(good_history(parcels)).prop_shuffle()),
    ) {
        let mut order = Lifecycle::default();
        let completions = history.into_iter().filter(|fact| order.apply(*fact).unwrap().enters(OrderState::Completed));
        prop_assert_eq!(completions.count(), 1);
        prop_assert_eq!(order.state(), OrderState::Completed);
    }

    #[test]
    fn what_is_stored_is_what_is_read((_, history) in disordered_history()) {
        let order = after(history);
        let stored = serde_json::to_string(&order).unwrap();
        prop_assert_eq!(serde_json::from_str::<Lifecycle>(&stored).unwrap(), order);
    }
}

#[test]
fn an_order_is_as_far_as_its_last_parcel() {
    let mut order = after([Fact::StockReserved, Fact::PaymentCaptured]);
    order.apply(Fact::Parcel(ParcelStage::Delivered, parcel(2, 2))).unwrap();
    assert_eq!(order.state(), OrderState::Paid, "nothing is known of parcel 1");
    order.apply(Fact::Parcel(ParcelStage::Labelled, parcel(1, 2))).unwrap();
    assert_eq!(order.state(), OrderState::Labelled);
    let refused = order.cancel(Reason::CustomerCancelled);
    assert_eq!(
        (refused.to, refused.reason),
        (OrderState::Labelled, Reason::CommandRefused),
        "the other one has left"
    );
}

#[test]
fn money_captured_after_the_cancellation_goes_back_once() {
    let mut order = after([Fact::StockReserved]);
    let cancelled = order.cancel(Reason::CustomerCancelled);
    assert_eq!((cancelled.to, cancelled.void, cancelled.refund), (OrderState::Cancelled, true, false));
    let captured = order.apply(Fact::PaymentCaptured).unwrap();
    assert_eq!((captured.reason, captured.refund), (Reason::CapturedAfterCancellation, true));
    let again = order.apply(Fact::PaymentCaptured).unwrap();
    assert_eq!((again.reason, again.refund), (Reason::AlreadyApplied, false));
}

#[test]
fn captured_money_goes_back_with_the_cancellation() {
    let mut order = after([Fact::StockReserved, Fact::PaymentCaptured]);
    let cancelled = order.cancel(Reason::OperatorCancelled);
    assert_eq!((cancelled.void, cancelled.refund), (false, true));
    assert_eq!(cancelled.reason, Reason::OperatorCancelled);
    let again = order.cancel(Reason::CustomerCancelled);
    assert_eq!((again.reason, again.void, again.refund), (Reason::AlreadyApplied, false, false));
}

#[test]
fn a_parcel_that_leaves_after_the_cancellation_is_a_case() {
    let mut order = after([Fact::StockReserved, Fact::PaymentCaptured]);
    order.cancel(Reason::CustomerCancelled);
    assert!(
        order.apply(Fact::Parcel(ParcelStage::Labelled, parcel(1, 1))).is_ok(),
        "packed before the word came"
    );
    let left = order.apply(Fact::Parcel(ParcelStage::Despatched, parcel(1, 1)));
    assert_eq!(left, Err(Reason::UnexpectedFact));
}

#[test]
fn a_failed_delivery_is_a_case_until_the_parcel_arrives() {
    let only = parcel(1, 1);
    let mut order = after([Fact::Parcel(ParcelStage::Despatched, only)]);
    assert_eq!(order.apply(Fact::DeliveryFailed(only)), Err(Reason::DeliveryFailed));
    order.apply(Fact::Parcel(ParcelStage::Delivered, only)).unwrap();
    assert_eq!(order.apply(Fact::DeliveryFailed(only)).map(|step| step.reason), Ok(Reason::AlreadyApplied));
}

#[test]
fn parcels_that_the_order_does_not_have_are_cases() {
    let mut order = after([Fact::Parcel(ParcelStage::Picked, parcel(1, 2))]);
    for (number, of) in [(0, 2), (3, 2), (1, 1), (1, 3), (0, 0), (1, u32::MAX)] {
        let picked = order.apply(Fact::Parcel(ParcelStage::Picked, parcel(number, of)));
        assert_eq!(picked, Err(Reason::UnexpectedFact), "{number} of {of}");
    }
    let absurd = Lifecycle::default().apply(Fact::Parcel(ParcelStage::Picked, parcel(1, u32::MAX)));
    assert_eq!(absurd, Err(Reason::UnexpectedFact), "and no memory is taken for it");
}

#[test]
fn a_reservation_that_ends_before_the_payment_takes_the_order_back() {
    let mut order = after([Fact::StockReserved]);
    let lapsed = order.apply(Fact::StockReleased).unwrap();
    assert_eq!((lapsed.to, lapsed.reason), (OrderState::Accepted, Reason::ReservationExpired));
}

#[test]
fn nothing_takes_a_returned_order_anywhere() {
    let mut order = after(good_history(2));
    let returned = order.apply(Fact::Parcel(ParcelStage::Returned, parcel(1, 2))).unwrap();
    assert!(returned.enters(OrderState::Returned));
    assert_eq!(returned.reason, Reason::ParcelReturned);
    order.apply(Fact::Parcel(ParcelStage::Returned, parcel(2, 2))).unwrap();
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused);
    assert_eq!(order.state(), OrderState::Returned);
}
