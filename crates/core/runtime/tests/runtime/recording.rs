//! Handlers that only record: once, whatever is delivered; and every verdict.

use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_contracts::review::ReviewAskDue;
use despatch_testkit::Bed;

use crate::toy;

fn told(order_id: &str, reason: &str) -> OrderCancelRequested {
    OrderCancelRequested { order_id: order_id.into(), reason: reason.into(), requested_by: "test".into() }
}

async fn tries(bed: &Bed, order: &str) -> i32 {
    let rows = bed
        .db()
        .await
        .query("select count from toy.tally where order_id = $1 and what = 'tries'", &[&order])
        .await
        .unwrap();
    rows.first().map_or(0, |row| row.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_delivered_twice_is_recorded_once() {
    let bed = Bed::new().await;
    bed.run(toy::worker()).await;
    for order in 0..300 {
        bed.deliver(&told(&format!("o-{order}"), "complete")).await;
    }
    bed.quiet().await;
    for order in 0..300 {
        assert_eq!(tries(&bed, &format!("o-{order}")).await, 1);
    }
    assert_eq!(bed.messages("evt.order.completed").await.len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_event_is_tried_as_often_as_its_policy_says_and_takes_nobody_down() {
    let bed = Bed::new().await;
    bed.run(toy::worker()).await;
    for (order, reason) in [("good", "complete"), ("bad", "fail"), ("broken", "break"), ("mad", "panic")] {
        bed.deliver(&told(order, reason)).await;
    }
    bed.expect::<OrderCompleted>("good").await;
    for (order, said) in [("bad", "told to fail"), ("broken", "no_such_table"), ("mad", "told to panic")] {
        let letter = bed.expect_dead(order).await;
        assert_eq!((letter.reason.as_str(), letter.generation), ("attempts-exhausted", 2), "{order}");
        assert_eq!(letter.failures.len(), 3);
        for (number, failure) in (1..).zip(&letter.failures) {
            assert_eq!(failure.attempt, number);
            assert!(failure.error.contains(said), "{:?}", failure.error);
        }
    }
    bed.quiet().await;
    // What a try wrote before it failed is undone.
    for order in ["bad", "broken", "mad"] {
        assert_eq!(tries(&bed, order).await, 0, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_and_deferred_events_die_with_their_reason() {
    let bed = Bed::new().await;
    bed.run(toy::worker()).await;
    bed.deliver(&told("refused", "reject")).await;
    bed.deliver(&told("early", "defer")).await;
    let letter = bed.expect_dead("refused").await;
    assert_eq!((letter.reason.as_str(), letter.generation, letter.failures.len()), ("stock-short", 0, 1));
    let letter = bed.expect_dead("early").await;
    assert_eq!(letter.reason, "deferred-too-long");
    assert!(letter.generation > 3, "deferrals cost no attempt");
    assert_eq!(letter.failures.len(), 1, "one deferral stands for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_on_that_is_too_large_is_refused_before_commit() {
    let bed = Bed::new().await;
    bed.run(toy::worker()).await;
    bed.deliver(&told("a-large-one", "large")).await;
    assert_eq!(bed.expect_dead("a-large-one").await.reason, "payload-too-large");
    bed.quiet().await;
    assert_eq!(tries(&bed, "a-large-one").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_once_unless_they_are_taken_back() {
    let bed = Bed::new().await;
    bed.run(toy::worker()).await;
    bed.deliver(&told("asked", "timer")).await;
    bed.deliver(&told("spared", "no-timer")).await;
    assert_eq!(bed.expect::<ReviewAskDue>("asked").await.ask, 7);
    bed.quiet().await;
    assert_eq!(bed.count::<ReviewAskDue>("asked").await, 1);
    assert_eq!(bed.count::<ReviewAskDue>("spared").await, 0);
}
