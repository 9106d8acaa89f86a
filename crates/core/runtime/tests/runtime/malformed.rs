//! Unreadable journal rows: their follow-ons stay unpublished, and delay no other batch.

use despatch_contracts::order::OrderCompleted;
use despatch_contracts::runtime::{Envelope, FollowOns};
use despatch_contracts::{Event, EventId, event_subject};
use despatch_runtime::migrate_all;
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;
use tokio_postgres::Client;

use crate::fixture::{Fixture, message, told};

const NONSENSE: &[u8] = b"\xff\xff nothing of the kind";

struct Row<'a> {
    state: &'a str,
    outbox: Option<&'a [u8]>,
    event: Option<&'a [u8]>,
}

/// Inserts an event's row into the journal; returns the event's id.
async fn journal(db: &Client, row: Row<'_>) -> String {
    let id = EventId::new().to_string();
    let sql = "insert into fixture.journal (id, handler, generation, state, subject, outbox, event)
               values ($1::text::uuid, 'fixture.obey', 0, $2, 'order/o', $3, $4)";
    db.execute(sql, &[&id, &row.state, &row.outbox, &row.event]).await.unwrap();
    id
}

async fn publishing(db: &Client, outbox: &[u8]) -> String {
    journal(db, Row { state: "done", outbox: Some(outbox), event: None }).await
}

/// Opens a batch and leaves it open.
async fn leave_open(db: &Client, events: &[&String]) {
    let sql = "insert into fixture.outbox_batch (handler, events, opened_at)
               select 'fixture.obey', $1::text[]::uuid[], despatch_now() - interval '1 hour'";
    db.execute(sql, &[&events]).await.unwrap();
}

/// The events of all outbox batches.
async fn open(db: &Client) -> Vec<String> {
    let sql = "select unnest(events)::text from fixture.outbox_batch";
    db.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn is_open_over(db: &Client, events: &[&String]) {
    eventually("all that can be published is", async || {
        (open(db).await.iter().collect::<Vec<_>>() == events).then_some(())
    })
    .await;
}

fn outbox(order: &str) -> Vec<u8> {
    let follow_on = message(&OrderCompleted { order_id: order.into() });
    FollowOns { messages: vec![follow_on] }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_cannot_be_read_stays_unpublished() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    let bad = publishing(&db, NONSENSE).await;
    let neighbour = publishing(&db, &outbox("neighbour")).await;
    leave_open(&db, &[&bad, &neighbour]).await;
    // More than one sweep takes at a time.
    for number in 0..20 {
        let other = publishing(&db, &outbox(&format!("other-{number}"))).await;
        leave_open(&db, &[&other]).await;
    }
    env.run(fixture.worker()).await;
    is_open_over(&db, &[&bad]).await;
    env.expect::<OrderCompleted>("neighbour").await;
    assert_eq!(env.messages(&event_subject(OrderCompleted::TYPE)).await.len(), 21);
    let fix = "update fixture.journal set outbox = $2 where id = $1::text::uuid";
    db.execute(fix, &[&bad, &outbox("fixed")]).await.unwrap();
    env.expect::<OrderCompleted>("fixed").await;
    is_open_over(&db, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_event_that_cannot_be_read_stays_unpublished() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    let event: Envelope = message(&told("fixed", "complete"));
    let bad = journal(&db, Row { state: "waiting", outbox: None, event: Some(NONSENSE) }).await;
    let gone = journal(&db, Row { state: "waiting", outbox: None, event: None }).await;
    let retry = "insert into fixture.retry (id, handler, due)
                 select id, handler, despatch_now() from fixture.journal where state = 'waiting'";
    db.execute(retry, &[]).await.unwrap();
    env.run(fixture.worker()).await;
    eventually("they are fired", async || {
        db.query_opt("select where not exists (select from fixture.retry)", &[]).await.unwrap()
    })
    .await;
    let event = Envelope { event_id: bad.clone(), ..event };
    let fix = "update fixture.journal set event = $2 where id = $1::text::uuid";
    db.execute(fix, &[&bad, &event.encode_to_vec()]).await.unwrap();
    env.expect::<OrderCompleted>("fixed").await;
    is_open_over(&db, &[&gone]).await;
}
