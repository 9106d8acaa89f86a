//! Servers that are down at the start, stop meanwhile, or lose the stream: the process waits, reports it, and recovers.

use async_nats::jetstream;
use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_contracts::{Emitted, Trace};
use despatch_runtime::{Process, Settings, Worker};
use despatch_stack::{Options, Stack};
use despatch_testkit::{TestEnv, eventually, nats_with_max_payload};

use crate::fixture::{Fixture, kept, told};
use crate::recovery;
use crate::servers::{Servers, signal};

async fn unready(process: &Process, part: &str) {
    eventually("the process says that it cannot work", async || {
        let waiting = process
            .health()
            .parts()
            .into_iter()
            .any(|(name, state)| name == part && state != despatch_runtime::PartState::Ready);
        (waiting && !process.health().is_ready()).then_some(())
    })
    .await;
}

async fn ready(process: &Process) {
    eventually("the process works again", async || process.health().is_ready().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_down_at_the_start_are_waited_for() {
    let Servers { stack, dir } = Servers::start("late").await;
    let mut settings = Settings::new(stack.nats_url(), stack.database_url());
    settings.namespace = String::from("late");
    let fixture = Fixture::new(&TestEnv::join(settings.clone()).await).await;
    let worker = fixture.worker();
    stack.stop().await.unwrap();

    let process = Process::start(settings.clone(), vec![worker]).await.unwrap();
    unready(&process, "nats").await;
    unready(&process, "postgres/fixture").await;
    let stack = Stack::start(Options::new(&dir)).await.unwrap();
    assert_eq!((stack.nats_url(), stack.database_url()), (&*settings.nats_url, &*settings.database_url));
    ready(&process).await;
    let env = TestEnv::join(settings).await;
    env.deliver(&told("o", "complete")).await;
    env.expect::<OrderCompleted>("o").await;
    process.drain().await;
    Servers { stack, dir }.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_goes_away_is_waited_for() {
    let mut servers = Servers::start("postgres").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    let process = env.run(fixture.worker()).await;
    for round in 0..2 {
        env.deliver(&told(&format!("before-{round}"), "complete")).await;
        // All of its processes at once, as in a crash.
        signal("-QUIT", servers.stack.postgres_pid());
        unready(&process, "postgres/fixture").await;
        for order in 0..20 {
            env.deliver(&told(&format!("during-{round}-{order}"), "complete")).await;
        }
        servers.stack.restart_postgres().await.unwrap();
        ready(&process).await;
        for order in 0..20 {
            env.expect::<OrderCompleted>(&format!("during-{round}-{order}")).await;
        }
        env.expect::<OrderCompleted>(&format!("before-{round}")).await;
    }
    env.quiet().await;
    assert_eq!(kept(&env, "during-0-7", "recorded").await, 1);
    assert_eq!(env.messages("evt.order.completed").await.len(), 42);
    assert!(env.messages("dead.>").await.is_empty());
    drop((env, process));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_here_is_given_back_for_another() {
    let mut servers = Servers::start("without").await;
    let env = servers.env().await;
    let process = env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&told("before", "complete")).await;
    env.expect::<OrderCompleted>("before").await;
    signal("-QUIT", servers.stack.postgres_pid());
    unready(&process, "postgres/fixture").await;
    env.deliver(&told("during", "complete")).await;
    let jetstream = recovery::jetstream(&env).await;
    eventually("it has been handed out again", async || {
        let stream = jetstream.get_stream("DESPATCH_outage").await.ok()?;
        let consumer = stream.consumer_info("fixture-obey").await.ok()?;
        (consumer.num_redelivered > 0).then_some(())
    })
    .await;
    servers.stack.restart_postgres().await.unwrap();
    env.expect::<OrderCompleted>("during").await;
    env.quiet().await;
    assert_eq!(env.messages("evt.order.completed").await.len(), 2);
    drop((env, process));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_goes_away_is_waited_for() {
    let mut servers = Servers::start("nats").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    let process = env.run(fixture.worker()).await;
    for round in 0..2 {
        for order in 0..20 {
            env.deliver(&told(&format!("before-{round}-{order}"), "complete")).await;
        }
        signal("-KILL", servers.stack.nats_pid());
        unready(&process, "nats").await;
        servers.stack.restart_nats().await.unwrap();
        ready(&process).await;
        env.deliver(&told(&format!("after-{round}"), "complete")).await;
        env.expect::<OrderCompleted>(&format!("after-{round}")).await;
    }
    env.quiet().await;
    for round in 0..2 {
        for order in 0..20 {
            assert_eq!(kept(&env, &format!("before-{round}-{order}"), "recorded").await, 1);
        }
    }
    drop((env, process));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_does_not_answer_does_not_hold_up_the_clock() {
    let servers = Servers::start("frozen").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    let process = env.run(fixture.worker()).await;
    env.deliver(&told("o", "complete")).await;
    env.expect::<OrderCompleted>("o").await;
    env.quiet().await;
    // Still connected, as far as the process can tell.
    signal("-STOP", servers.stack.nats_pid());
    let db = env.db().await;
    let left_open = "insert into fixture.outbox_batch (handler, events, opened_at)
                     select handler, array[id], despatch_now() - interval '1 hour' from fixture.journal";
    db.execute(left_open, &[]).await.unwrap();
    let locked =
        async || db.query_opt("select from fixture.outbox_batch for update nowait", &[]).await.is_err();
    eventually("a sweep holds the batch", async || locked().await.then_some(())).await;
    eventually("it gives up", async || (!locked().await).then_some(())).await;
    signal("-CONT", servers.stack.nats_pid());
    env.quiet().await;
    drop((env, process));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_consumer_and_a_deleted_stream_are_made_again() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.deliver(&told("first", "complete")).await;
    env.expect::<OrderCompleted>("first").await;
    env.quiet().await;
    let (servers, options) = despatch_runtime::nats_options(&env.settings().nats_url).unwrap();
    let jetstream = jetstream::new(options.connect(servers).await.unwrap());
    let stream = format!("DESPATCH_{}", env.settings().namespace);

    jetstream.delete_consumer_from_stream("fixture-obey", &stream).await.unwrap();
    made_again(&jetstream, &stream).await;
    env.deliver(&told("second", "complete")).await;
    env.expect::<OrderCompleted>("second").await;
    env.quiet().await;
    // The new consumer began at the stream's beginning; the journal knew its events.
    assert_eq!(kept(&env, "first", "recorded").await, 1);
    assert_eq!(env.count::<OrderCompleted>("first").await, 1);

    jetstream.delete_stream(&stream).await.unwrap();
    made_again(&jetstream, &stream).await;
    env.deliver(&told("third", "complete")).await;
    env.expect::<OrderCompleted>("third").await;
    env.quiet().await;
    assert_eq!(kept(&env, "third", "recorded").await, 1);
}

/// Waits until the handler's consumer exists: it, or its whole stream, was deleted and is created again. The
/// provisioner decides how soon, perhaps before the handler was reported as not ready.
async fn made_again(jetstream: &jetstream::Context, stream: &str) {
    eventually("the consumer is made again", async || {
        let found: Result<jetstream::consumer::PullConsumer, _> =
            jetstream.get_consumer_from_stream("fixture-obey", stream).await;
        found.ok().map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_outgrew_the_broker_holds_nothing_up() {
    let env = TestEnv::new().await;
    let process = env.run(Worker::new("shop", &[])).await;
    let small = nats_with_max_payload(&env.settings().nats_url, 64 * 1024).await;
    let settings = Settings { nats_url: small, ..env.settings().clone() };
    let less = Process::start(settings, vec![Worker::new("shop", &[])]).await.unwrap();
    less.health().until_ready().await;
    let outbox = process.outbox("shop").unwrap();
    let event = Emitted::from(&told("o", &"x".repeat(100 * 1024)));
    let message = outbox.event(outbox.new_id().unwrap(), event, &Trace::root());
    let mut client = outbox.database().client().await.unwrap();
    let tx = client.transaction().await.unwrap();
    let unpublished = outbox.enqueue(&tx, vec![message]).await.unwrap();
    tx.commit().await.unwrap();
    // The limit fell since it was recorded.
    let published = less.outbox("shop").unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(20), published.publish(unpublished)).await.unwrap();
    // It is not lost: a process whose broker takes it publishes it.
    env.expect::<OrderCancelRequested>("o").await;
    env.quiet().await;
}

/// Servers that answer questions and take nothing, as on a full disk.
#[tokio::test]
async fn readiness_asks_whether_the_servers_take_events() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    let process = env.run(fixture.worker()).await;
    let readiness = process.readiness();
    let becomes = async |part: &str, is_ready: bool| {
        eventually(&format!("{part} ready: {is_ready}"), async || {
            let health = readiness.check().await;
            let state = health.parts().get(part).cloned()?;
            (state.is_ready() == is_ready && health.is_ready() == is_ready).then_some(())
        })
        .await;
    };
    becomes("stream", true).await;
    let db = env.db().await;
    db.batch_execute(
        "create function fixture.full() returns trigger language plpgsql as
             $$ begin raise 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
         create trigger full_disk before insert on fixture.journal for each row execute function fixture.full();",
    )
    .await
    .unwrap();
    becomes("commits/fixture", false).await;
    db.batch_execute("drop trigger full_disk on fixture.journal").await.unwrap();
    becomes("commits/fixture", true).await;
    let left = "select count(*) from fixture.journal where handler = 'probe'";
    assert_eq!(db.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0, "an attempt leaves nothing");

    let (servers, options) = despatch_runtime::nats_options(&env.settings().nats_url).unwrap();
    let jetstream = jetstream::new(options.connect(servers).await.unwrap());
    let takes = env.stream().await.cached_info().config.clone();
    let takes_nothing = jetstream::stream::Config { max_message_size: 1, ..takes.clone() };
    jetstream.update_stream(takes_nothing).await.unwrap();
    becomes("stream", false).await;
    jetstream.update_stream(takes).await.unwrap();
    becomes("stream", true).await;
    let probes = env.messages("replay.fixture.probe").await.len();
    assert!((1..=2).contains(&probes), "{probes} probes were stored, although one a minute suffices");
}
