//! People act at Stripe: they refund there, they review payments, and customers dispute them.

use std::time::Duration;

use despatch_contracts::order::Order;
use despatch_contracts::payment::{
    DisputeLost, PaymentAuthorised, PaymentCaptured, PaymentChanged, PaymentDisputed, PaymentRefunded,
    RefundFailed,
};
use despatch_testkit::eventually;
use prost_types::Timestamp;

use crate::checkout::{Checkout, PRICE, reference};
use crate::partial::part;
use crate::refunds::{captured, refund};

/// Stripe's word that something happened to the order's payment.
pub(crate) fn changed(order: &Order) -> PaymentChanged {
    PaymentChanged {
        order_id: order.order_id.clone(),
        provider: "stripe".to_owned(),
        reference: reference(order).to_owned(),
    }
}

#[tokio::test]
async fn a_refund_in_the_dashboard_is_recorded_and_reported_once() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.refund_elsewhere(&order, 700).await;
    // One of ours is known by its id, whether or not its answer is recorded.
    checkout.env.deliver(&part(&order, "r-1", 500)).await;
    checkout.env.deliver(&changed(&order)).await;
    checkout.env.deliver(&changed(&order)).await;
    checkout.env.quiet().await;
    let tender = checkout.payment(&order).await.unwrap().tenders.remove(0);
    assert_eq!(tender.refunded_minor, 1200);
    assert_eq!(checkout.env.count::<PaymentRefunded>("o-1").await, 2);
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_payment_of_another_provider_or_before_its_capture_is_not_asked_for() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.env.deliver(&changed(&order)).await;
    let order = captured(&checkout, "o-2").await;
    checkout.refund_elsewhere(&order, 700).await;
    checkout.env.deliver(&PaymentChanged { provider: "other".to_owned(), ..changed(&order) }).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, 0);
}

#[tokio::test]
async fn a_refund_that_fails_at_the_bank_is_a_case_and_can_be_made_again() {
    let checkout = Checkout::open().await;
    let order = checkout.order_with("o-1", "pm_card_refundFail").await;
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    checkout.env.deliver(&part(&order, "r-1", PRICE)).await;
    checkout.env.expect::<PaymentRefunded>("o-1").await;
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, PRICE);

    checkout.env.deliver(&changed(&order)).await;
    let failed: RefundFailed = checkout.env.expect("o-1").await;
    assert_eq!((failed.refund_id.as_str(), failed.amount_minor), ("r-1", PRICE));
    let case = checkout.env.expect_dead("o-1").await;
    assert_eq!(case.reason, "refund-failed");
    let error = &case.failures[0].error;
    assert!(error.contains("of 130.00 USD did not reach the customer"), "{error}");
    let payment = checkout.payment(&order).await.unwrap();
    assert_eq!((payment.tenders[0].refunded_minor, &*payment.refunds[0].state), (0, "failed"));

    // The same news again changes nothing. The money can go back under another id.
    checkout.env.deliver(&changed(&order)).await;
    checkout.env.quiet().await;
    checkout.env.deliver(&part(&order, "r-2", PRICE)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<RefundFailed>("o-1").await, 1);
    assert_eq!(checkout.env.count::<PaymentRefunded>("o-1").await, 2);
}

/// Captures an order whose card's owner disputes it, and returns the order with the event about the dispute.
async fn disputed(checkout: &Checkout, order_id: &str) -> (Order, PaymentDisputed) {
    let order = checkout.order_with(order_id, "pm_card_createDisputeProductNotReceived").await;
    checkout.reserve(&order).await;
    let dispute = eventually("it is disputed", async || checkout.dispute_of(&order).await).await;
    let due_by =
        Some(Timestamp { seconds: dispute["evidence_details"]["due_by"].as_i64().unwrap(), nanos: 0 });
    let event = PaymentDisputed {
        order_id: order_id.to_owned(),
        provider: "stripe".to_owned(),
        reference: reference(&order).to_owned(),
        dispute: dispute["id"].as_str().unwrap().to_owned(),
        due_by,
    };
    (order, event)
}

#[tokio::test]
async fn a_dispute_is_a_case_until_it_is_answered() {
    let checkout = Checkout::open().await;
    let (order, event) = disputed(&checkout, "o-1").await;
    checkout.env.deliver(&event).await;
    let case = checkout.env.expect_dead("o-1").await;
    assert_eq!(case.reason, "payment-disputed");
    let error = &case.failures[0].error;
    let due = event.due_by.unwrap().to_string();
    for part in ["130.00 USD", "product_not_received", &due, "tracking number"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let evidence = [("evidence[uncategorized_text]", "winning_evidence")];
    checkout.in_dashboard(&format!("disputes/{}", event.dispute), &evidence).await;
    // A later event about it, or a replay, finds it answered.
    checkout.env.deliver(&PaymentDisputed { due_by: None, ..event }).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.messages("dead.>").await.len(), 1);
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, 0);
}

#[tokio::test]
async fn money_that_a_dispute_took_cannot_be_refunded_again() {
    let checkout = Checkout::open().await;
    let (order, event) = disputed(&checkout, "o-1").await;
    checkout.in_dashboard(&format!("disputes/{}/close", event.dispute), &[]).await;
    checkout.env.deliver(&event).await;
    let lost: DisputeLost = checkout.env.expect("o-1").await;
    assert_eq!((lost.amount_minor, lost.dispute), (PRICE, event.dispute.clone()));
    checkout.env.deliver(&PaymentDisputed { due_by: None, ..event }).await;
    checkout.env.deliver(&part(&order, "r-1", 100)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<DisputeLost>("o-1").await, 1);
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, PRICE);
    assert_eq!(checkout.counts(&order).refunds, 0);
}

#[tokio::test]
async fn a_payment_under_review_holds_its_order_until_a_person_approves_it() {
    let checkout = Checkout::open().await;
    let order = checkout.order_with("o-1", "pm_card_riskLevelElevated").await;
    checkout.accept(&order).await;
    let review = eventually("it waits", async || {
        let sql = "SELECT failures FROM payments.journal WHERE state = 'waiting'";
        checkout.db.query_opt(sql, &[]).await.unwrap()?;
        checkout.review_of(&order).await
    })
    .await;
    assert_eq!(checkout.env.count::<PaymentAuthorised>("o-1").await, 0);
    checkout.in_dashboard(&format!("reviews/{review}/approve"), &[]).await;
    checkout.env.advance(Duration::from_secs(301)).await;
    checkout.env.expect::<PaymentAuthorised>("o-1").await;
}

#[tokio::test]
async fn a_review_after_the_capture_is_a_case() {
    let checkout = Checkout::open().await;
    let order = checkout.order_with("o-1", "pm_card_riskLevelElevated").await;
    // Somebody captured it in spite of the review.
    checkout.capture_elsewhere(&order).await.unwrap();
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    checkout.env.deliver(&changed(&order)).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "payment-under-review");
}

/// An order of which the shop took 20.00 USD off, after the customer authorised 130.00.
async fn reduced(checkout: &Checkout, order_id: &str) -> Order {
    let mut order = checkout.order(order_id).await;
    order.total_minor = PRICE - 2000;
    order.tenders[0].amount_minor = PRICE - 2000;
    order.tenders[0].authorised_minor = PRICE;
    order
}

#[tokio::test]
async fn a_payment_that_was_captured_whole_settles_a_smaller_order_only_if_the_rest_went_back() {
    let checkout = Checkout::open().await;
    let kept = reduced(&checkout, "kept").await;
    checkout.capture_whole(&kept, PRICE).await;
    checkout.reserve(&kept).await;
    assert_eq!(checkout.env.expect_dead("kept").await.reason, "amount-mismatch");

    let order = reduced(&checkout, "given-back").await;
    checkout.capture_whole(&order, PRICE).await;
    checkout.refund_elsewhere(&order, 2000).await;
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("given-back").await;
    checkout.env.quiet().await;
    let tender = checkout.payment(&order).await.unwrap().tenders.remove(0);
    assert_eq!((tender.captured_minor, tender.refunded_minor), (PRICE, 2000));
    // A cancellation gives back exactly what the customer still paid.
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, PRICE);
}

#[tokio::test]
async fn money_that_went_back_before_the_stock_came_pays_for_nothing() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.capture_elsewhere(&order).await.unwrap();
    checkout.refund_elsewhere(&order, PRICE).await;
    checkout.reserve(&order).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "authorisation-expired");
    assert_eq!(checkout.env.count::<PaymentCaptured>("o-1").await, 0);
}
