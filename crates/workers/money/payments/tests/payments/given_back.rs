//! Money that others hold or give back while payments settles an order that changed.

use std::time::Duration;

use despatch_contracts::order::{Order, Tender, TenderState};
use despatch_contracts::payment::{PaymentCaptured, PaymentRefunded, RefundApproved, RefundRefused};
use despatch_sandbox::{Fault, Operation};
use despatch_testkit::{eventually, order};

use crate::change::{changed, extended, gave_back, kept, less, paid_in_shop, refunds, shop};
use crate::checkout::{Checkout, PRICE};
use crate::refunds::{captured, refund};

#[tokio::test]
async fn what_the_shop_gave_back_is_not_asked_for_whenever_it_is_reported() {
    let checkout = Checkout::open().await;
    let before = paid_in_shop(&checkout, "before").await;
    checkout.env.deliver(&gave_back(&before, "1", 3000)).await;
    checkout.env.quiet().await;
    checkout.env.deliver(&changed(&less(&before, 3000), 5)).await;

    let after = paid_in_shop(&checkout, "after").await;
    checkout.env.deliver(&changed(&less(&after, 3000), 5)).await;
    checkout.env.expect::<RefundApproved>("after").await;
    checkout.env.deliver(&gave_back(&after, "1", 3000)).await;

    let parts = paid_in_shop(&checkout, "parts").await;
    checkout.env.deliver(&changed(&less(&parts, 3000), 5)).await;
    checkout.env.expect::<RefundApproved>("parts").await;
    checkout.env.deliver(&gave_back(&parts, "1", 1000)).await;
    checkout.env.quiet().await;
    assert_eq!(refunds(&checkout, &parts, "approved").await, [("change-5".to_owned(), 2000)]);
    checkout.env.deliver(&gave_back(&parts, "2", 2000)).await;

    let more = paid_in_shop(&checkout, "more").await;
    checkout.env.deliver(&changed(&less(&more, 3000), 5)).await;
    checkout.env.expect::<RefundApproved>("more").await;
    checkout.env.deliver(&gave_back(&more, "1", 3500)).await;
    let refused: RefundRefused = checkout.env.expect("more").await;
    assert_eq!((&*refused.refund_id, &*refused.reason), ("change-5", "refunded-elsewhere"));

    checkout.env.quiet().await;
    for (order, left) in [(&before, 3000), (&after, 3000), (&parts, 3000), (&more, 3500)] {
        assert_eq!(refunds(&checkout, order, "approved").await, [], "{}", order.order_id);
        assert_eq!(kept(&checkout, order).await, PRICE - left, "{}", order.order_id);
    }
    assert_eq!(checkout.env.count::<RefundApproved>("before").await, 0);
    // No case after a day.
    checkout.env.advance(Duration::from_secs(25 * 3600)).await;
    checkout.env.quiet().await;
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn what_a_person_gave_back_lowers_one_of_two_settlements_that_are_made_at_once() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.refund_elsewhere(&order, 15).await;
    // The answer about the first is lost, and the second is made before the first is tried again.
    checkout.fault(Operation::Refund, &order, Fault::Timeout, 1);
    checkout.env.deliver(&changed(&less(&order, 1000), 5)).await;
    eventually("the provider was asked", async || (checkout.counts(&order).refunds > 1).then_some(())).await;
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, PRICE);
    assert_eq!(kept(&checkout, &order).await, 0);
    assert_eq!(refunds(&checkout, &order, "approved").await, []);
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn what_was_given_back_before_the_order_came_counts_once() {
    let checkout = Checkout::open().await;
    // The shop took 130.00 and gave 30.00 back, which it reports in two parts: one early, one late.
    let tender = Tender { authorised_minor: PRICE, ..shop(PRICE - 3000) };
    let order = Order { total_minor: PRICE - 3000, tenders: vec![tender], ..order("o-1") };
    checkout.env.deliver(&gave_back(&order, "1", 1000)).await;
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    checkout.env.deliver(&gave_back(&order, "2", 2000)).await;
    eventually("both are recorded", async || {
        (checkout.env.count::<PaymentRefunded>("o-1").await == 2).then_some(())
    })
    .await;
    checkout.env.quiet().await;
    assert_eq!(refunds(&checkout, &order, "approved").await, []);
    assert_eq!(kept(&checkout, &order).await, PRICE - 3000);
    // A cancellation gives back what is left.
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.quiet().await;
    assert_eq!(refunds(&checkout, &order, "approved").await, [("cancellation".to_owned(), PRICE - 3000)]);
}

#[tokio::test]
async fn what_others_took_for_an_addition_is_counted_and_goes_back_with_the_rest() {
    let checkout = Checkout::open().await;
    for (order, is_ours) in
        [(captured(&checkout, "ours").await, true), (paid_in_shop(&checkout, "shop").await, false)]
    {
        let mut newest = order.clone();
        newest.total_minor += 2000;
        if is_ours {
            newest.tenders.push(shop(2000));
        } else {
            newest.tenders[0].amount_minor += 2000;
        }
        checkout.env.deliver(&extended(&newest, 5)).await;
        checkout.env.quiet().await;
        assert_eq!(kept(&checkout, &order).await, PRICE + 2000);
        checkout.env.deliver(&refund(&order)).await;
        checkout.env.quiet().await;
        let mut asked = refunds(&checkout, &order, "approved").await;
        asked.extend(refunds(&checkout, &order, "made").await);
        assert_eq!(asked.iter().map(|(_, minor)| minor).sum::<i64>(), PRICE + 2000);
    }
}

#[tokio::test]
async fn what_the_shop_took_and_gives_back_by_itself_is_not_refunded_by_us_too() {
    let checkout = Checkout::open().await;
    for (order_id, off) in [("addition", 0), ("more", 1000)] {
        let order = captured(&checkout, order_id).await;
        let mut newest = order.clone();
        newest.tenders.push(shop(3000));
        newest.total_minor += 3000;
        checkout.env.deliver(&extended(&newest, 5)).await;
        checkout.env.quiet().await;
        // The merchant takes the addition off, and in the second order something else too.
        newest.total_minor = PRICE - off;
        newest.tenders[0].amount_minor -= off;
        newest.tenders[1] = Tender { state: TenderState::Void.into(), ..shop(0) };
        checkout.env.deliver(&changed(&newest, 6)).await;
        checkout.env.quiet().await;
        assert_eq!(refunds(&checkout, &order, "approved").await, [("change-6".to_owned(), 3000)]);
        checkout.env.deliver(&gave_back(&order, "1", 3000)).await;
        checkout.env.quiet().await;
        assert_eq!(checkout.counts(&order).refunded_minor, off);
        assert_eq!(refunds(&checkout, &order, "approved").await, []);
        assert_eq!(kept(&checkout, &order).await, PRICE - off);
    }
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

/// The customer paid for an addition in the shop, which took it off again and kept the money.
#[tokio::test]
async fn what_the_shop_keeps_of_an_addition_that_is_gone_is_not_taken_at_our_provider_too() {
    let checkout = Checkout::open().await;
    let in_place = |order: &Order| {
        let mut newest = less(order, 3000);
        newest.total_minor += 3000;
        newest.tenders.push(shop(3000));
        newest
    };
    let before = checkout.order("before").await;
    checkout.env.deliver(&changed(&in_place(&before), 5)).await;
    checkout.env.quiet().await;
    checkout.reserve(&before).await;
    let after = captured(&checkout, "after").await;
    checkout.env.deliver(&changed(&in_place(&after), 5)).await;
    checkout.env.quiet().await;
    for (order, taken) in [(&before, PRICE - 3000), (&after, PRICE)] {
        let counts = checkout.counts(order);
        assert_eq!(
            (counts.captured_minor, counts.captured_minor - counts.refunded_minor),
            (taken, PRICE - 3000)
        );
        assert_eq!(kept(&checkout, order).await, PRICE, "with what the shop has");
    }
    // Units were added and others were taken off, in one word that came after the capture.
    let mixed = captured(&checkout, "mixed").await;
    let mut newest = less(&mixed, 3750);
    newest.total_minor += 2250;
    newest.tenders.push(shop(2250));
    checkout.env.deliver(&extended(&newest, 5)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&mixed).refunded_minor, 3750);
    assert_eq!(kept(&checkout, &mixed).await, PRICE - 1500);
    // Money that the shop gives back of its own later is none in place of ours.
    checkout.env.deliver(&gave_back(&after, "1", 1000)).await;
    checkout.env.quiet().await;
    checkout.env.deliver(&changed(&in_place(&after), 6)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&after).refunded_minor, 3000);
    assert_eq!(kept(&checkout, &after).await, PRICE - 1000);
    assert!(checkout.env.messages("dead.>").await.is_empty());
}
