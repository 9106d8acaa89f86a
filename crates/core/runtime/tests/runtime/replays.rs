//! Generations: a replay admits exactly the next one, and each above 0 reports its outcome.

use despatch_contracts::Subject;
use despatch_contracts::order::OrderCompleted;
use despatch_contracts::runtime::{DeadLetter, FollowOns, Settled};
use despatch_testkit::TestEnv;
use prost::Message as _;

use crate::fixture::{Fixture, kept, told};

/// Returns the outcomes of an order's later generations, in order.
async fn settled(env: &TestEnv, order: &str) -> Vec<(u32, String, String)> {
    let messages = env.messages("settled.fixture.obey").await;
    let mut settled: Vec<_> = messages
        .into_iter()
        .filter(|envelope| Subject::parse(&envelope.subject).id() == order)
        .map(|envelope| Settled::decode(envelope.payload).unwrap())
        .map(|settled| (settled.generation, settled.outcome, settled.reason))
        .collect();
    settled.sort();
    settled.dedup();
    settled
}

fn outcome(generation: u32, outcome: &str, reason: &str) -> (u32, String, String) {
    (generation, outcome.to_owned(), reason.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_retry_reports_its_outcome() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("o", "fail")).await;
    env.expect_dead("o").await;
    env.quiet().await;
    let expected = [outcome(1, "waiting", ""), outcome(2, "dead", "attempts-exhausted")];
    assert_eq!(settled(&env, "o").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_admits_the_next_generation_and_no_other() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("o", "reject-until-fixed")).await;
    let DeadLetter { event, generation, .. } = env.expect_dead("o").await;
    let event = event.unwrap();
    assert_eq!(generation, 0);
    env.db().await.execute("insert into fixture.fixed values ('o')", &[]).await.unwrap();
    env.quiet().await;

    for stale in [0, 2, 7] {
        env.publish_again(&event.clone().replay("fixture.obey", stale)).await;
        env.quiet().await;
        assert_eq!(kept(&env, "o", "recorded").await, 0, "generation {stale}");
        assert!(settled(&env, "o").await.is_empty(), "generation {stale}");
    }
    for _ in 0..2 {
        env.publish_again(&event.clone().replay("fixture.obey", 1)).await;
    }
    env.expect::<OrderCompleted>("o").await;
    env.publish_again(&event.clone().replay("fixture.obey", 2)).await;
    env.quiet().await;
    assert_eq!(kept(&env, "o", "recorded").await, 1);
    assert_eq!(env.count::<OrderCompleted>("o").await, 1);
    assert_eq!(settled(&env, "o").await, [outcome(1, "done", "")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_may_carry_a_fixed_payload() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    let id = env.deliver(&told("o", "reject")).await;
    let mut event = env.expect_dead("o").await.event.unwrap();
    event.payload = told("o", "complete").encode_to_vec().into();
    env.publish(&event.replay("fixture.obey", 1)).await;
    env.expect::<OrderCompleted>("o").await;
    env.quiet().await;
    assert_eq!(settled(&env, "o").await, [outcome(1, "done", "")]);
    let followed = env.messages("evt.order.completed").await;
    assert_eq!(followed[0].event_id, id.follow_on("fixture.obey", "order.completed", 0).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_generation_has_yet_to_publish_is_published_even_if_a_later_one_is_recorded_first() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    let id = env.deliver(&told("o", "reject-until-fixed")).await;
    let event = env.expect_dead("o").await.event.unwrap();
    env.quiet().await;
    // The state after a process that ended between its commit and its publishing.
    let db = env.db().await;
    let open = "insert into fixture.outbox_batch (handler, events, opened_at)
                values ('fixture.obey', array[$1::text::uuid], despatch_now() + interval '1 hour')";
    db.execute(open, &[&id.to_string()]).await.unwrap();
    db.execute("insert into fixture.fixed values ('o')", &[]).await.unwrap();
    env.publish(&event.replay("fixture.obey", 1)).await;
    env.expect::<OrderCompleted>("o").await;
    // Now it is overdue.
    db.execute("update fixture.outbox_batch set opened_at = despatch_now() - interval '1 hour'", &[])
        .await
        .unwrap();
    env.quiet().await;
    let row =
        db.query_one("select outbox from fixture.journal where handler = 'fixture.obey'", &[]).await.unwrap();
    let unpublished = FollowOns::decode(row.get::<_, &[u8]>(0)).unwrap().messages;
    let subjects: Vec<&str> = unpublished.iter().map(|message| message.nats_subject.as_str()).collect();
    assert_eq!(subjects, ["dead.fixture.stock-short", "evt.order.completed", "settled.fixture.obey"]);
}
