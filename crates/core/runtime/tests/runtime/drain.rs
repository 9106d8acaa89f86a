//! A process that leaves in good order.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use despatch_contracts::payment::PaymentRefunded;
use despatch_runtime::{Process, Settings};
use despatch_testkit::{Bed, eventually};

use crate::hasty_bed;
use crate::toy::{Toy, asked, kept, message};

/// How many deliveries of the buyer's consumer nobody has acked, and how many were not the first.
async fn held(bed: &Bed) -> (usize, usize) {
    let (servers, options) = despatch_runtime::nats_options(&bed.settings().nats_url).unwrap();
    let jetstream = jetstream::new(options.connect(servers).await.unwrap());
    let stream = format!("DESPATCH_{}", bed.settings().namespace);
    let consumer: jetstream::consumer::PullConsumer =
        jetstream.get_consumer_from_stream("toy-buy", stream).await.unwrap();
    (consumer.cached_info().num_ack_pending, consumer.cached_info().num_redelivered)
}

/// Waits until the outside has heard of this many orders.
async fn heard(bed: &Bed, orders: i64) {
    let db = bed.db().await;
    eventually("the outside is being asked", async || {
        let count = db.query_one("select count(*) from outside.effect", &[]).await.unwrap();
        (count.get::<_, i64>(0) >= orders).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_is_finished_and_acked_and_nothing_comes_again() {
    let bed = Bed::new().await;
    let toy = Toy::new(&bed).await;
    let process = Process::start(bed.settings().clone(), vec![toy.worker()]).await.unwrap();
    process.health().ready().await;
    for order in 0..20 {
        // Once each: a second copy would come again for as long as the first is in hand.
        bed.publish(&message(&asked(&format!("o-{order}"), "slow 700"))).await;
    }
    heard(&bed, 5).await;
    process.drain().await;
    assert_eq!(held(&bed).await, (0, 0), "unacked and delivered more than once");
    let done = bed.messages("evt.payment.refunded").await.len();
    assert!(done >= 5, "only {done}");

    bed.run(toy.worker()).await;
    bed.quiet().await;
    for order in 0..20 {
        let order = format!("o-{order}");
        assert_eq!(kept(&bed, &order, "bought").await, 1);
        assert_eq!(bed.count::<PaymentRefunded>(&order).await, 1);
        let effects = toy.outside.effects(&order).await;
        assert_eq!((effects.len(), effects[0].heard), (1, 1), "{order} was begun twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_grace_is_over_it_leaves_anyway_and_another_takes_over() {
    let bed = hasty_bed().await;
    let toy = Toy::new(&bed).await;
    let settings = Settings { drain_grace: Duration::from_millis(300), ..bed.settings().clone() };
    let stuck = Toy { stuck: true, ..toy.clone() };
    let process = Process::start(settings, vec![stuck.worker()]).await.unwrap();
    process.health().ready().await;
    bed.deliver(&asked("o", "buy")).await;
    heard(&bed, 1).await;
    let started = Instant::now();
    process.drain().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    bed.run(toy.worker()).await;
    bed.expect::<PaymentRefunded>("o").await;
    bed.quiet().await;
    assert_eq!(kept(&bed, "o", "bought").await, 1);
    assert_eq!(toy.outside.effects("o").await.len(), 1);
}
