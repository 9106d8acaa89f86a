//! Several processes of one worker: they share the work, and nothing is lost or doubled.

use despatch_contracts::Event;
use despatch_contracts::order::OrderCompleted;
use despatch_contracts::payment::PaymentRefunded;
use despatch_runtime::{migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};

use crate::child;
use crate::fixture::{Fixture, asked, kept, message, told};
use crate::hasty_env;
use crate::provider::Effect;

/// Publishes one event often enough that both replicas get it.
async fn deliver_to_both(env: &TestEnv, event: &impl Event) {
    let envelope = message(event);
    for _ in 0..20 {
        env.publish_again(&envelope).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_record_one_event_at_the_same_time_record_it_once() {
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    // Neither continues before the other has begun too.
    deliver_to_both(&env, &told("o", "meet")).await;
    env.expect::<OrderCompleted>("o").await;
    env.quiet().await;
    assert_eq!(kept(&env, "o", "recorded").await, 1);
    assert_eq!(env.count::<OrderCompleted>("o").await, 1);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_perform_one_event_at_the_same_time_ask_under_one_key() {
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    deliver_to_both(&env, &asked("o", "meet")).await;
    env.expect::<PaymentRefunded>("o").await;
    env.quiet().await;
    assert_eq!(kept(&env, "o", "bought").await, 1);
    assert_eq!(env.count::<PaymentRefunded>("o").await, 1);
    let effects = fixture.provider.effects("o").await;
    assert_eq!(effects, [Effect { key: "order/o/fixture//0".into(), received: 2, firsts: 1 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed_and_nothing_is_lost_or_doubled() {
    const ORDERS: usize = 150;
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let (mut killed, _other) = (child::start(&env, ""), child::start(&env, ""));
    for order in 0..ORDERS {
        let order = format!("o-{order}");
        env.deliver(&told(&order, "complete")).await;
        // Slow enough that the kill finds some of them unfinished.
        env.deliver(&asked(&order, "slow 100")).await;
    }
    let refunded = async || env.messages("evt.payment.refunded").await.len();
    eventually("some of it is done", async || (refunded().await > 10).then_some(())).await;
    killed.kill();
    eventually("all of it is done", async || (refunded().await >= ORDERS).then_some(())).await;
    env.quiet().await;
    for order in 0..ORDERS {
        let order = format!("o-{order}");
        let effects = fixture.provider.effects(&order).await;
        // The killed process may have committed an effect that the provider never received; then no try is the first.
        assert!(effects.len() == 1 && effects[0].firsts <= 1, "{effects:?}");
    }
    let sql = "select what, count(*), sum(count) from fixture.tally group by what order by what";
    for row in env.db().await.query(sql, &[]).await.unwrap() {
        let (what, orders, times): (&str, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((orders, times), (150, 150), "{what}");
    }
    for subject in ["evt.order.completed", "evt.payment.refunded"] {
        let ids: std::collections::BTreeSet<String> =
            env.messages(subject).await.into_iter().map(|envelope| envelope.event_id).collect();
        assert_eq!(ids.len(), ORDERS, "{subject}");
    }
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_was_refused_the_other_does_not_get_in_the_same_try() {
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    deliver_to_both(&env, &asked("o", "declined-in-turn")).await;
    assert_eq!(env.expect_dead("o").await.reason, "card-declined");
    env.quiet().await;
    let effects = fixture.provider.effects("o").await;
    assert!(effects.iter().all(|effect| effect.key == "order/o/fixture//0"), "{effects:?}");
    assert_eq!(env.count::<PaymentRefunded>("o").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_and_then_written_under_a_key_is_never_lost() {
    const ORDERS: usize = 400;
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    let db = env.db().await;
    db.batch_execute("insert into fixture.stock values ('a', 0), ('b', 0), ('c', 0)").await.unwrap();
    for order in 0..ORDERS {
        let thing = ["a", "b", "c", "a"][order % 4];
        env.deliver(&told(&format!("o-{order}"), &format!("add {thing}"))).await;
    }
    env.quiet().await;
    let rows = db.query("select units from fixture.stock order by thing", &[]).await.unwrap();
    let units: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(units, [200, 100, 100]);
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(db.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0), 0);
}
