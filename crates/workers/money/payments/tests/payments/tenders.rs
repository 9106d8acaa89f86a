//! Tenders: whose they are, what is due of them, and what happens to those that payments does not hold.

use std::time::Duration;

use despatch_contracts::order::{Order, Proof, Tender, TenderState};
use despatch_contracts::payment::{
    PaymentAuthorised, PaymentCaptured, PaymentRefunded, PaymentVoided, RefundApproved, RefundReported,
};
use despatch_testkit::{eventually, order};

use crate::checkout::{Checkout, PRICE};
use crate::partial::part;
use crate::refunds::void;

/// An order that these tenders pay for.
fn order_of(order_id: &str, tenders: Vec<Tender>) -> Order {
    Order { tenders, ..order(order_id) }
}

fn tender(provider: &str, minor: i64, state: TenderState) -> Tender {
    Tender {
        provider: provider.to_owned(),
        amount_minor: minor,
        currency: "USD".to_owned(),
        state: state.into(),
        ..Tender::default()
    }
}

/// The tender of an order that is authorised at the sandbox.
async fn authorised(checkout: &Checkout, order_id: &str, minor: i64) -> Tender {
    let mut tender = checkout.order_of(order_id, minor, "usd").await.tenders.remove(0);
    tender.amount_minor = minor;
    tender
}

#[tokio::test]
async fn what_is_paid_in_the_shop_goes_on_and_is_not_captured() {
    let checkout = Checkout::open().await;
    for (id, provider, state) in [
        ("shop", "shop", TenderState::Captured),
        ("card", "gift-card", TenderState::Captured),
        ("cash", "cash-on-delivery", TenderState::Pending),
    ] {
        let order = order_of(id, vec![tender(provider, PRICE, state)]);
        checkout.accept(&order).await;
        checkout.env.expect::<PaymentAuthorised>(id).await;
        checkout.reserve(&order).await;
        let captured: PaymentCaptured = checkout.env.expect(id).await;
        assert_eq!((captured.amount_minor, &*captured.reference), (0, ""));
        checkout.env.quiet().await;
        assert_eq!(checkout.env.count::<PaymentCaptured>(id).await, 1);
        assert_eq!(checkout.counts(&order).captures, 0);
    }
}

#[tokio::test]
async fn a_payment_is_looked_at_before_anything_is_reserved() {
    let checkout = Checkout::open().await;
    let good = checkout.order("good").await;
    let stolen = |id: &str| {
        let mut order = Order { tenders: good.tenders.clone(), ..order(id) };
        order.tenders[0].proofs = vec![Proof { key: "order_id".into(), value: id.into() }];
        order
    };
    let at_shop = order_of("at-shop", vec![tender("shop", PRICE, TenderState::Authorised)]);
    let part_paid = order_of("part-paid", vec![tender("gift-card", PRICE - 1, TenderState::Captured)]);
    let voided = checkout.order("voided").await;
    checkout.void_elsewhere(&voided).await.unwrap();
    let cases = [
        (stolen("thief"), "payment-unproven"),
        (Order { tenders: good.tenders.clone(), ..order("second") }, "payment-used"),
        (checkout.order_of("yen", PRICE, "jpy").await, "amount-mismatch"),
        (order_of("nothing", Vec::new()), "authorisation-missing"),
        (at_shop, "capture-at-shop"),
        (part_paid, "amount-mismatch"),
        (voided, "authorisation-expired"),
    ];
    checkout.accept(&good).await;
    checkout.env.expect::<PaymentAuthorised>("good").await;
    for (order, reason) in &cases {
        checkout.accept(order).await;
        assert_eq!(checkout.env.expect_dead(&order.order_id).await.reason, *reason, "{}", order.order_id);
    }
    checkout.env.quiet().await;
    assert_eq!(checkout.env.messages("evt.payment.authorised").await.len(), 1);
    assert_eq!(checkout.counts(&good).captures, 0);
}

#[tokio::test]
async fn the_customer_s_own_currency_is_captured() {
    let checkout = Checkout::open().await;
    let mut order = checkout.order_of("o-1", 16_380, "jpy").await;
    order.presentment_currency = "JPY".to_owned();
    order.presentment_total_minor = 16_380;
    order.tenders[0].currency = "JPY".to_owned();
    order.tenders[0].amount_minor = 16_380;
    checkout.accept(&order).await;
    checkout.env.expect::<PaymentAuthorised>("o-1").await;
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    assert_eq!((captured.amount_minor, &*captured.currency), (16_380, "JPY"));
    assert_eq!(checkout.counts(&order).captured_minor, 16_380);
}

#[tokio::test]
async fn a_refund_is_spread_over_the_tenders_and_the_shop_s_part_is_its_own_to_make() {
    let checkout = Checkout::open().await;
    let ours = authorised(&checkout, "o-1", 5000).await;
    let order = order_of("o-1", vec![ours, tender("gift-card", 8000, TenderState::Captured)]);
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    assert_eq!(captured.amount_minor, 5000);
    checkout.env.deliver(&part(&order, "r-1", 6000)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!((&*refunded.provider, refunded.amount_minor), ("stripe", 5000));
    checkout.env.quiet().await;
    // The shop reports its part within a day. It does not know our id.
    let report = RefundReported {
        order_id: "o-1".into(),
        provider: "gift-card".into(),
        reference: "77".into(),
        amount_minor: 1000,
        currency: "USD".into(),
        refund_id: String::new(),
    };
    checkout.env.deliver(&report).await;
    checkout.env.deliver(&report).await;
    eventually("both parts are made", async || {
        (checkout.env.count::<PaymentRefunded>("o-1").await == 2).then_some(())
    })
    .await;
    checkout.env.advance(Duration::from_secs(25 * 3600)).await;
    checkout.env.quiet().await;
    assert!(checkout.env.messages("dead.>").await.is_empty());
    // Another one that it does not report is a case.
    checkout.env.deliver(&part(&order, "r-2", 2000)).await;
    checkout.env.quiet().await;
    checkout.env.advance(Duration::from_secs(25 * 3600)).await;
    let dead = checkout.env.expect_dead("o-1").await;
    assert_eq!((&*dead.handler, &*dead.reason), ("payments.overdue", "refund-at-shop"));
    assert_eq!(dead.failures[0].error, "gift-card has to refund 20.00 USD, and has not reported that");
    let counts = checkout.counts(&order);
    assert_eq!((counts.refunds, counts.refunded_minor), (1, 5000));
}

#[tokio::test]
async fn a_cancellation_before_the_capture_gives_back_what_was_paid_otherwise() {
    let checkout = Checkout::open().await;
    let ours = authorised(&checkout, "mixed", 5000).await;
    let mixed = order_of("mixed", vec![ours, tender("gift-card", 8000, TenderState::Captured)]);
    let shop = order_of("shop", vec![tender("shop", PRICE, TenderState::Captured)]);
    for order in [&mixed, &shop] {
        checkout.env.deliver(&void(order)).await;
        let approved: RefundApproved = checkout.env.expect(&order.order_id).await;
        let held = &order.tenders[order.tenders.len() - 1];
        assert_eq!((&approved.provider, approved.amount_minor), (&held.provider, held.amount_minor));
    }
    checkout.env.expect::<PaymentVoided>("mixed").await;
    // The reservation comes late.
    checkout.reserve(&mixed).await;
    checkout.env.quiet().await;
    let counts = checkout.counts(&mixed);
    assert_eq!((counts.captures, counts.cancels), (0, 1));
    // The shop has a day to report the refunds.
    checkout.env.advance(Duration::from_secs(25 * 3600)).await;
    for order in [&mixed, &shop] {
        assert_eq!(checkout.env.expect_dead(&order.order_id).await.reason, "refund-at-shop");
    }
    assert_eq!(checkout.env.messages("evt.payment.captured").await.len(), 0);
}

#[tokio::test]
async fn what_the_shop_gives_back_by_itself_is_a_fact() {
    let checkout = Checkout::open().await;
    let order = order_of("o-1", vec![tender("shop", PRICE, TenderState::Captured)]);
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    let report = |reference: &str, amount_minor| RefundReported {
        order_id: "o-1".into(),
        provider: "shop".into(),
        reference: reference.into(),
        amount_minor,
        currency: "USD".into(),
        refund_id: String::new(),
    };
    checkout.env.deliver(&report("1", PRICE)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!((&*refunded.refund_id, &*refunded.reason), ("1", "refunded-elsewhere"));
    // A cancellation finds nothing that is left.
    checkout.env.deliver(&part(&order, "cancellation", 0)).await;
    checkout.env.quiet().await;
    assert!(checkout.env.messages("dead.>").await.is_empty());
    assert_eq!(checkout.env.count::<PaymentRefunded>("o-1").await, 1);
    // More than the customer paid cannot have come back.
    checkout.env.deliver(&report("2", 1)).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "amount-invalid");
}
