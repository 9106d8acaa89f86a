//! Messages that no handler can decode: each becomes a dead letter, and none stays.

use std::time::{Duration, SystemTime};

use async_nats::HeaderMap;
use despatch_contracts::order::OrderCompleted;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_testkit::TestEnv;

use crate::fixture::{Fixture, kept, message, told};

fn envelope(id: EventId, event: &impl Event) -> Envelope {
    Envelope::first(id, "test", Emitted::from(event), &Trace::root())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_not_what_its_type_says_is_dead() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    let mut malformed = message(&told("o", "complete"));
    malformed.payload = bytes::Bytes::from_static(b"\xff\xff nothing of the kind");
    env.publish(&malformed).await;
    env.publish_again(&malformed).await;
    let letter = env.expect_dead("o").await;
    assert_eq!((letter.reason.as_str(), letter.handler.as_str()), ("payload-undecodable", "fixture.obey"));
    assert_eq!(letter.event.unwrap().payload, malformed.payload);
    env.quiet().await;
    assert_eq!(env.messages("dead.>").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_say_nothing_are_dead_and_keep_what_came() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    let mut twisted = message(&told("o", "complete")).headers();
    twisted.insert("ce-generation", "soon");
    let mut split = message(&told("o", "complete")).headers();
    split.insert("ce-subject", "o\u{0}o");
    for (number, headers) in (0..).zip([HeaderMap::new(), twisted, split]) {
        let payload = bytes::Bytes::from(format!("number {number}"));
        env.publish_raw("evt.order.cancel-requested", headers, payload).await;
    }
    env.deliver(&told("good", "complete")).await;
    env.expect::<OrderCompleted>("good").await;
    env.quiet().await;
    let letter = env.expect_dead("").await;
    assert_eq!(letter.reason, "payload-undecodable");
    assert_eq!(letter.event.unwrap().payload, "number 0");
    assert_eq!(env.messages("dead.fixture.payload-undecodable").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_older_than_the_journals_memory_is_dead_and_not_handled_again() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    let long_ago = SystemTime::now() - env.settings().journal_retention - Duration::from_secs(60);
    env.publish(&envelope(EventId::first_at(long_ago), &told("old", "complete"))).await;
    let lately = SystemTime::now() - env.settings().journal_retention + Duration::from_secs(3600);
    env.publish(&envelope(EventId::first_at(lately), &told("older", "complete"))).await;
    assert_eq!(env.expect_dead("old").await.reason, "event-expired");
    env.expect::<OrderCompleted>("older").await;
    env.quiet().await;
    assert_eq!(kept(&env, "old", "recorded").await, 0);
}
