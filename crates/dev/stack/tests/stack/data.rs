//! Stored data survives a stop and a start, and the death of the owner.

use despatch_stack::Stack;

use crate::support::{OwnerProcess, connect, database, eventually, jetstream, quiet, stack, start};

#[tokio::test]
async fn a_table_and_a_stream_survive_stop_and_start() {
    let (dir, first) = stack().await;
    let urls = [first.nats_url().to_owned(), first.database_url().to_owned()];
    database(&first).await.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    let js = jetstream(&first).await;
    let config = async_nats::jetstream::stream::Config {
        name: "KEPT".into(),
        subjects: vec!["kept.>".into()],
        ..Default::default()
    };
    js.create_stream(config).await.unwrap();
    js.publish("kept.one", "hello".into()).await.unwrap().await.unwrap();
    first.stop().await.unwrap();

    let second = start(dir.path()).await;
    assert_eq!([second.nats_url(), second.database_url()], urls, "clients find their servers again");
    let row = database(&second).await.query_one("SELECT answer FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
    let stream = jetstream(&second).await.get_stream("KEPT").await.unwrap();
    assert_eq!(stream.get_raw_message(1).await.unwrap().payload, "hello");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_owner_can_be_followed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = OwnerProcess::serving(dir.path());
    let client = connect(&killed.database_url).await;
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    killed.child.kill().unwrap();

    let next = start(dir.path()).await;
    let row = database(&next).await.query_one("SELECT answer FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
    assert!(!killed.servers.contains(&next.nats_pid().unwrap()));
    assert!(!killed.servers.contains(&next.postgres_pid().unwrap()));
    next.stop().await.unwrap();
    killed.child.wait().unwrap();
}

#[tokio::test]
async fn a_first_start_that_is_killed_half_way_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = OwnerProcess::command(dir.path()).spawn().unwrap();
    let half_made = dir.path().join("postgres/cluster.new/PG_VERSION");
    eventually("initdb is at work", || half_made.exists()).await;
    killed.kill().unwrap();

    let next = Stack::start(quiet(dir.path())).await.unwrap();
    assert!(!half_made.exists());
    database(&next).await.batch_execute("SELECT 1").await.unwrap();
    next.stop().await.unwrap();
    killed.wait().unwrap();
}
