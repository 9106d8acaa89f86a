//! Record-only handlers: each event is recorded once, whatever is delivered; and every verdict.

use std::time::Duration;

use despatch_contracts::order::OrderCompleted;
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::review::ReviewAskDue;
use despatch_testkit::TestEnv;

use crate::fixture::{Fixture, asked, kept, message, told};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_delivered_twice_is_recorded_once() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    for order in 0..300 {
        env.deliver(&told(&format!("o-{order}"), "complete")).await;
    }
    env.quiet().await;
    let kept = "select count(*), sum(count) from fixture.tally";
    let kept = env.db().await.query_one(kept, &[]).await.unwrap();
    assert_eq!((kept.get::<_, i64>(0), kept.get::<_, i64>(1)), (300, 300));
    assert_eq!(env.messages("evt.order.completed").await.len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_event_is_tried_as_often_as_its_policy_says_and_takes_nobody_down() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    for (order, reason) in [
        ("good", "complete"),
        ("bad", "fail"),
        ("broken", "break"),
        ("mad", "panic"),
        ("hasty", "panic-early"),
    ] {
        env.deliver(&told(order, reason)).await;
    }
    env.expect::<OrderCompleted>("good").await;
    for (order, said) in [
        ("bad", "told to fail"),
        ("broken", "no_such_table"),
        ("mad", "told to panic"),
        ("hasty", "told to panic early"),
    ] {
        let letter = env.expect_dead(order).await;
        assert_eq!((letter.reason.as_str(), letter.generation), ("attempts-exhausted", 2), "{order}");
        assert_eq!(letter.failures.len(), 3);
        for (number, failure) in (1..).zip(&letter.failures) {
            assert_eq!(failure.attempt, number);
            assert!(failure.error.contains(said), "{:?}", failure.error);
        }
    }
    env.quiet().await;
    // The writes of a failed try are undone.
    for order in ["bad", "broken", "mad", "hasty"] {
        assert_eq!(kept(&env, order, "recorded").await, 0, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_and_deferred_events_die_with_their_reason() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    // However slow the machine, the deadline begins with the fourth deferral.
    env.db()
        .await
        .batch_execute(
            "create function fixture.patient() returns trigger language plpgsql as $$ begin
                 new.deferred_since := case when new.generation < 3 then despatch_now() + interval '1 hour'
                                            when new.generation = 3 then despatch_now()
                                            else new.deferred_since end;
                 return new;
             end $$;
             create trigger patient before insert or update on fixture.journal for each row
                 when (new.subject = 'order/early' and new.state = 'waiting') execute function fixture.patient();",
        )
        .await
        .unwrap();
    env.deliver(&told("refused", "reject")).await;
    env.deliver(&told("early", "defer")).await;
    let letter = env.expect_dead("refused").await;
    assert_eq!((letter.reason.as_str(), letter.generation, letter.failures.len()), ("stock-short", 0, 1));
    let letter = env.expect_dead("early").await;
    assert_eq!(letter.reason, "deferred-too-long");
    assert!(letter.generation > 3, "deferrals cost no attempt");
    assert_eq!(letter.failures.len(), 1, "one deferral stands for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_on_that_is_too_large_is_refused_before_commit() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("a-large-one", "large")).await;
    assert_eq!(env.expect_dead("a-large-one").await.reason, "payload-too-large");
    env.quiet().await;
    assert_eq!(kept(&env, "a-large-one", "recorded").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_on_whose_order_fits_no_header_is_refused_before_commit() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("o", "unprintable")).await;
    assert_eq!(env.expect_dead("o").await.reason, "payload-undecodable");
    env.deliver(&told("another", "complete")).await;
    env.expect::<OrderCompleted>("another").await;
    env.quiet().await;
    assert_eq!(kept(&env, "o", "recorded").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_longer_than_the_ack_wait_is_not_handed_to_anybody_else() {
    let env = crate::hasty_env().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    let long = env.settings().ack_wait * 3 + Duration::from_millis(500);
    // Once, because each replica might have got one of two copies.
    env.publish(&message(&asked("o", &format!("slow {}", long.as_millis())))).await;
    env.expect::<PaymentRefunded>("o").await;
    env.quiet().await;
    let effects = fixture.provider.effects("o").await;
    assert_eq!((effects.len(), effects[0].received), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_once_unless_they_are_taken_back() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("asked", "timer")).await;
    env.deliver(&told("spared", "no-timer")).await;
    assert_eq!(env.expect::<ReviewAskDue>("asked").await.ask, 7);
    env.quiet().await;
    assert_eq!(env.count::<ReviewAskDue>("asked").await, 1);
    assert_eq!(env.count::<ReviewAskDue>("spared").await, 0);
}
