//! A process that drains.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use despatch_contracts::payment::PaymentRefunded;
use despatch_runtime::{Process, Settings};
use despatch_testkit::{TestEnv, eventually};

use crate::fixture::{Fixture, asked, kept, message};
use crate::hasty_env;

/// Returns how many deliveries of the buyer's consumer are not acked, and how many are repeated.
async fn held(env: &TestEnv) -> (usize, usize) {
    let (servers, options) = despatch_runtime::nats_options(&env.settings().nats_url).unwrap();
    let jetstream = jetstream::new(options.connect(servers).await.unwrap());
    let stream = format!("DESPATCH_{}", env.settings().namespace);
    let consumer: jetstream::consumer::PullConsumer =
        jetstream.get_consumer_from_stream("fixture-buy", stream).await.unwrap();
    (consumer.cached_info().num_ack_pending, consumer.cached_info().num_redelivered)
}

/// Waits until the provider has received requests of this many orders.
async fn received(env: &TestEnv, orders: i64) {
    let db = env.db().await;
    eventually("the provider is being asked", async || {
        let count = db.query_one("select count(*) from provider.effect", &[]).await.unwrap();
        (count.get::<_, i64>(0) >= orders).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_finished_and_acked_and_nothing_comes_again() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    let process = Process::start(env.settings().clone(), vec![fixture.worker()]).await.unwrap();
    process.health().until_ready().await;
    for order in 0..20 {
        // Once each, because a second copy would be redelivered as long as the first is in flight.
        env.publish(&message(&asked(&format!("o-{order}"), "slow 700"))).await;
    }
    received(&env, 5).await;
    process.drain().await;
    assert_eq!(held(&env).await, (0, 0), "unacked and delivered more than once");
    let done = env.messages("evt.payment.refunded").await.len();
    assert!(done >= 5, "only {done}");

    env.run(fixture.worker()).await;
    env.quiet().await;
    for order in 0..20 {
        let order = format!("o-{order}");
        assert_eq!(kept(&env, &order, "bought").await, 1);
        assert_eq!(env.count::<PaymentRefunded>(&order).await, 1);
        let effects = fixture.provider.effects(&order).await;
        assert_eq!((effects.len(), effects[0].received), (1, 1), "{order} was begun twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_grace_is_over_it_leaves_anyway_and_another_takes_over() {
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    let settings = Settings { drain_grace: Duration::from_millis(300), ..env.settings().clone() };
    let stuck = Fixture { stuck: true, ..fixture.clone() };
    let process = Process::start(settings, vec![stuck.worker()]).await.unwrap();
    process.health().until_ready().await;
    env.deliver(&asked("o", "buy")).await;
    received(&env, 1).await;
    let started = Instant::now();
    process.drain().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    env.run(fixture.worker()).await;
    env.expect::<PaymentRefunded>("o").await;
    env.quiet().await;
    assert_eq!(kept(&env, "o", "bought").await, 1);
    assert_eq!(fixture.provider.effects("o").await.len(), 1);
}
