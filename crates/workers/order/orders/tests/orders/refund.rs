//! Refunds of amounts and of units: how much they are, and which are refused.

use despatch_contracts::order::{OrderRefundRequested, RefundLine};
use despatch_contracts::payment::{RefundRefused, RefundRequested};
use despatch_testkit::TestEnv;
use prost::Message as _;

use crate::fixture::{accepted, captured, env, recorded, timeline};

/// A request for a refund of units of the sample order's lines: two bookcases of 100.00 and a stapler of 23.45, with 1.55 tax.
fn units(refund_id: &str, lines: &[(u32, i64)]) -> OrderRefundRequested {
    let lines = lines.iter().map(|(line, quantity)| RefundLine { line: *line, quantity: *quantity });
    OrderRefundRequested {
        order_id: "o-1".into(),
        refund_id: refund_id.into(),
        lines: lines.collect(),
        reason: "broken".into(),
        requested_by: "operator".into(),
        by: "ann".into(),
        ..OrderRefundRequested::default()
    }
}

/// The amounts that payments is asked to refund, by id, in minor units.
async fn asked(env: &TestEnv) -> Vec<(String, i64)> {
    env.quiet().await;
    let mut asked: Vec<_> = env
        .messages("evt.payment.refund-requested")
        .await
        .into_iter()
        .map(|message| RefundRequested::decode(message.payload).expect("what its type says"))
        .map(|refund| (refund.refund_id, refund.amount_minor))
        .collect();
    asked.sort();
    asked.dedup();
    asked
}

/// An environment with an order whose money is captured.
async fn paid() -> TestEnv {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&captured("o-1")).await;
    env.quiet().await;
    env
}

#[tokio::test]
async fn units_are_refunded_at_what_was_paid_for_them_and_no_more_often_than_they_were_ordered() {
    let env = paid().await;
    for request in [units("r-1", &[(1, 1)]), units("r-2", &[(1, 1), (2, 1)]), units("r-3", &[(1, 1)])] {
        env.deliver(&request).await;
        env.quiet().await;
    }
    let asked = asked(&env).await;
    let ids: Vec<&str> = asked.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["r-1", "r-2"], "there is no third bookcase");
    // Everything but the shipping of 5.00.
    assert_eq!(asked.iter().map(|(_, minor)| minor).sum::<i64>(), 12_500);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((last.event.as_str(), last.reason.as_str()), ("order.refund-requested", "command-refused"));
    assert_eq!(
        last.detail,
        "r-3: asked for by operator ann: line 1: 1 units were asked for, and 0 are not refunded yet"
    );
}

#[tokio::test]
async fn the_same_id_is_the_same_refund_and_a_refusal_frees_its_units() {
    let env = paid().await;
    env.deliver(&units("r-1", &[(1, 2)])).await;
    env.quiet().await;
    env.deliver(&units("r-1", &[(2, 1)])).await;
    assert_eq!(asked(&env).await.len(), 1);
    let refused = RefundRefused {
        order_id: "o-1".into(),
        refund_id: "r-1".into(),
        reason: "refund-above-captured".into(),
        detail: "too much".into(),
    };
    env.deliver(&refused).await;
    env.quiet().await;
    env.deliver(&units("r-2", &[(1, 2)])).await;
    assert_eq!(asked(&env).await.len(), 2);
    // An id that was refused stays that of the refusal.
    env.deliver(&units("r-1", &[(2, 1)])).await;
    assert_eq!(asked(&env).await.len(), 2);
    let reasons: Vec<String> = recorded(&env, "o-1").await.into_iter().map(|(_, _, reason)| reason).collect();
    assert_eq!(reasons.last().map(String::as_str), Some("already-applied"));
}

#[tokio::test]
async fn a_request_that_makes_no_sense_moves_nothing() {
    let env = paid().await;
    let amount = |id: &str, minor: i64, currency: &str| OrderRefundRequested {
        amount_minor: minor,
        currency: currency.into(),
        ..units(id, &[])
    };
    for request in [
        amount("cancellation", 100, "USD"),
        amount("r-1", 100, "EUR"),
        amount("r-2", -5, "USD"),
        amount("r-3", 0, ""),
        units("r-4", &[(3, 1)]),
        units("r-5", &[(1, i64::MAX), (1, 1)]),
        units("r-6", &[(1, -1)]),
    ] {
        env.deliver(&request).await;
    }
    assert_eq!(asked(&env).await, []);
    env.deliver(&amount("r-7", 100, "USD")).await;
    assert_eq!(asked(&env).await, [("r-7".to_owned(), 100)]);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn nothing_is_refunded_before_it_is_captured() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&units("r-1", &[(1, 1)])).await;
    assert_eq!(asked(&env).await, []);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!(last.detail, "r-1: asked for by operator ann: nothing is captured");
}
