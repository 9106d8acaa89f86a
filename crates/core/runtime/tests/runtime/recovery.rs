//! A broker that lost what it had acknowledged: workers detect it and publish again from their journals.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use async_nats::jetstream;
use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_contracts::{Emitted, Event, EventId, Trace, event_subject};
use despatch_runtime::{Process, Worker};
use despatch_testkit::{TestEnv, eventually};

use crate::fixture::{Fixture, told};
use crate::servers::Servers;

/// A worker without handlers, by which orders enter.
async fn open_gateway(env: &TestEnv) -> Arc<Process> {
    env.run(Worker::new("gateway", &[])).await
}

/// Accepts orders as the gateway does: journaled, then published.
async fn take_in(gateway: &Process, orders: &[String]) {
    let outbox = gateway.outbox("gateway").unwrap();
    let arrivals = orders
        .iter()
        .map(|order| {
            let event = Emitted::from(&told(order, "complete"));
            outbox.event(EventId::new(), event, &Trace::root())
        })
        .collect();
    let mut client = outbox.database().client().await.unwrap();
    let tx = client.transaction().await.unwrap();
    let unpublished = outbox.enqueue(&tx, arrivals).await.unwrap();
    tx.commit().await.unwrap();
    outbox.publish(unpublished).await;
}

fn orders(name: &str) -> Vec<String> {
    (0..50).map(|number| format!("{name}-{number}")).collect()
}

async fn all_completed_once(env: &TestEnv, orders: &[String]) {
    let db = env.db().await;
    let sql = "select count from fixture.tally where order_id = any($1) and what = 'recorded'";
    let counts = eventually("the orders are handled", async || {
        let rows = db.query(sql, &[&orders]).await.unwrap();
        (rows.len() == orders.len()).then_some(rows)
    })
    .await;
    assert!(counts.iter().all(|row| row.get::<_, i32>(0) == 1), "{counts:?}");
    env.quiet().await;
    // The stream may have lost the event, or hold it twice, but it never holds two different ones about one order.
    let completed = env.messages(&event_subject(OrderCompleted::TYPE)).await;
    let ids: BTreeSet<_> = completed.iter().map(|envelope| &envelope.event_id).collect();
    let told: BTreeSet<_> = completed.iter().map(|envelope| &envelope.subject).collect();
    assert_eq!(ids.len(), told.len());
}

/// Runs the fixture worker until its consumers exist, and ends it again.
async fn introduce(env: &TestEnv, fixture: &Fixture) {
    let process = Process::start(env.settings().clone(), vec![fixture.worker()]).await.unwrap();
    process.health().until_ready().await;
    process.drain().await;
}

fn wipe(store: &Path) {
    fs::remove_dir_all(store).unwrap();
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

fn messages_of(store: &Path) -> std::path::PathBuf {
    store.join("$G/streams/DESPATCH_outage/msgs")
}

pub(crate) async fn jetstream(env: &TestEnv) -> jetstream::Context {
    let (servers, options) = despatch_runtime::nats_options(&env.settings().nats_url).unwrap();
    jetstream::new(options.connect(servers).await.unwrap())
}

async fn last_sequence(jetstream: &jetstream::Context) -> u64 {
    jetstream.get_stream("DESPATCH_outage").await.unwrap().cached_info().state.last_sequence
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wiped_store_held_is_published_again() {
    let mut servers = Servers::start("wiped").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    introduce(&env, &fixture).await;
    let gateway = open_gateway(&env).await;
    let waiting = orders("waiting");
    take_in(&gateway, &waiting).await;
    servers.crash_nats(wipe).await;
    let worker = env.run(fixture.worker()).await;
    all_completed_once(&env, &waiting).await;
    drop((env, gateway, worker));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wiped_store_held_is_published_again_by_workers_that_were_down_then() {
    let mut servers = Servers::start("all-down").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    introduce(&env, &fixture).await;
    let waiting = orders("waiting");
    let gateway = Process::start(env.settings().clone(), vec![Worker::new("gateway", &[])]).await.unwrap();
    gateway.health().until_ready().await;
    take_in(&gateway, &waiting).await;
    gateway.drain().await;
    servers.crash_nats(wipe).await;
    let gateway = open_gateway(&env).await;
    let worker = env.run(fixture.worker()).await;
    all_completed_once(&env, &waiting).await;
    drop((env, gateway, worker));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_had_settled_is_not_published_again() {
    let mut servers = Servers::start("settled").await;
    let env = servers.env().await;
    let worker = env.run(Fixture::new(&env).await.worker()).await;
    let gateway = open_gateway(&env).await;
    let (old, new) = (orders("old"), orders("new"));
    take_in(&gateway, &old).await;
    all_completed_once(&env, &old).await;
    eventually("that all is settled is known", async || {
        let sql =
            "select true from gateway.stream_checkpoint where settled_until > (select max(recorded_at) from gateway.journal)";
        env.db().await.query_opt(sql, &[]).await.unwrap()
    })
    .await;
    servers.crash_nats(wipe).await;
    take_in(&gateway, &new).await;
    all_completed_once(&env, &new).await;
    let received = env.messages(&event_subject(OrderCancelRequested::TYPE)).await;
    assert!(received.iter().all(|envelope| envelope.subject.starts_with("order/new")), "{received:?}");
    drop((env, gateway, worker));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_went_back_is_brought_forward_and_received_again() {
    let mut servers = Servers::start("rewound").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    let gateway = open_gateway(&env).await;
    let worker = Process::start(env.settings().clone(), vec![fixture.worker()]).await.unwrap();
    worker.health().until_ready().await;
    take_in(&gateway, &orders("before")).await;
    all_completed_once(&env, &orders("before")).await;
    let kept_aside = servers.dir.join("aside");
    servers.crash_nats(|store| copy(&messages_of(store), &kept_aside)).await;
    // These take the consumers past the later end of the stream.
    take_in(&gateway, &orders("received")).await;
    all_completed_once(&env, &orders("received")).await;
    worker.drain().await;
    take_in(&gateway, &orders("lost")).await;
    servers
        .crash_nats(|store| {
            fs::remove_dir_all(messages_of(store)).unwrap();
            copy(&kept_aside, &messages_of(store));
        })
        .await;
    let worker = env.run(fixture.worker()).await;
    take_in(&gateway, &orders("after")).await;
    for name in ["before", "received", "lost", "after"] {
        all_completed_once(&env, &orders(name)).await;
    }
    drop((env, gateway, worker));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_process_that_ended_had_seen_is_published_again_by_another() {
    let mut servers = Servers::start("witness").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    introduce(&env, &fixture).await;
    let witness = Process::start(env.settings().clone(), vec![Worker::new("gateway", &[])]).await.unwrap();
    let other = open_gateway(&env).await;
    witness.health().until_ready().await;
    take_in(&witness, &orders("before")).await;
    let db = env.db().await;
    let last = last_sequence(&jetstream(&env).await).await;
    eventually("the stream is known by its last message", async || {
        let sql = format!(
            "create table gateway.kept as select * from gateway.stream_checkpoint where sequence = {last}"
        );
        db.execute("drop table if exists gateway.kept", &[]).await.unwrap();
        (db.execute(&sql, &[]).await.unwrap() == 1).then_some(())
    })
    .await;
    let kept_aside = servers.dir.join("aside");
    servers.crash_nats(|store| copy(&messages_of(store), &kept_aside)).await;
    take_in(&witness, &orders("lost")).await;
    witness.drain().await;
    servers
        .crash_nats(|store| {
            fs::remove_dir_all(messages_of(store)).unwrap();
            copy(&kept_aside, &messages_of(store));
            // As if no check had run since.
            let sql = "delete from gateway.stream_checkpoint; insert into gateway.stream_checkpoint select * from gateway.kept";
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(db.batch_execute(sql)))
                .unwrap();
        })
        .await;
    let worker = env.run(fixture.worker()).await;
    for name in ["before", "lost"] {
        all_completed_once(&env, &orders(name)).await;
    }
    drop((env, other, worker, db));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_noticed_although_the_stream_has_grown_past_it() {
    let mut servers = Servers::start("outgrown").await;
    // A check every five seconds, so that everything below happens between two of them.
    let env = servers.env_that_sweeps_after(std::time::Duration::from_secs(60)).await;
    let fixture = Fixture::new(&env).await;
    introduce(&env, &fixture).await;
    let gateway = open_gateway(&env).await;
    take_in(&gateway, &orders("before")).await;
    let last = last_sequence(&jetstream(&env).await).await;
    eventually("the gateway has seen them on the stream", async || {
        let sql = format!("select true from gateway.stream_checkpoint where sequence >= {last}");
        env.db().await.query_opt(&sql, &[]).await.unwrap()
    })
    .await;
    let kept_aside = servers.dir.join("aside");
    servers.crash_nats(|store| copy(store, &kept_aside)).await;
    take_in(&gateway, &orders("lost")).await;
    servers
        .crash_nats(|store| {
            fs::remove_dir_all(store).unwrap();
            copy(&kept_aside, store);
        })
        .await;
    take_in(&gateway, &orders("after")).await;
    take_in(&gateway, &orders("past")).await;
    let worker = env.run(fixture.worker()).await;
    for name in ["before", "lost", "after", "past"] {
        all_completed_once(&env, &orders(name)).await;
    }
    drop((env, gateway, worker));
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_emptied_or_deleted_is_filled_again() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    let gateway = open_gateway(&env).await;
    let jetstream = jetstream(&env).await;
    let stream = format!("DESPATCH_{}", env.settings().namespace);
    introduce(&env, &fixture).await;
    take_in(&gateway, &orders("purged")).await;
    jetstream.get_stream(&stream).await.unwrap().purge().await.unwrap();
    let worker = Process::start(env.settings().clone(), vec![fixture.worker()]).await.unwrap();
    all_completed_once(&env, &orders("purged")).await;
    worker.drain().await;
    take_in(&gateway, &orders("deleted")).await;
    let state =
        async || jetstream.get_stream(&stream).await.ok().map(|found| found.cached_info().state.clone());
    let before = state().await.unwrap().last_sequence;
    jetstream.delete_stream(&stream).await.unwrap();
    env.run(fixture.worker()).await;
    all_completed_once(&env, &orders("deleted")).await;
    let first = state().await.unwrap().first_sequence;
    assert!(
        first > before,
        "an ack for message {before} is one for a message of the new stream, from {first} on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_was_published_and_lost_is_published_again() {
    let mut servers = Servers::start("retry").await;
    let env = servers.env().await;
    let fixture = Fixture::new(&env).await;
    let gateway = open_gateway(&env).await;
    let worker = Process::start(env.settings().clone(), vec![fixture.worker()]).await.unwrap();
    worker.health().until_ready().await;
    env.deliver(&told("late", "defer")).await;
    let db = env.db().await;
    eventually("the event waits", async || {
        db.query_opt("select true from fixture.journal where state = 'waiting'", &[]).await.unwrap()
    })
    .await;
    worker.drain().await;
    // The state when the retry is on the stream, and not handled yet.
    db.execute("delete from fixture.retry", &[]).await.unwrap();
    db.execute("delete from fixture.outbox_batch", &[]).await.unwrap();
    db.execute(
        "update fixture.stream_checkpoint set settled_until = despatch_now() where fixture.stream_checkpoint.settled_until is not null",
        &[],
    )
    .await
    .unwrap();
    servers.crash_nats(wipe).await;
    let worker = env.run(fixture.worker()).await;
    env.expect_dead("late").await;
    drop((env, gateway, worker));
    servers.stop().await;
}
