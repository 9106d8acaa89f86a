//! The servers themselves: their settings, and their return after a test has taken them away.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{database, eventually, is_alive, jetstream, stack};

#[tokio::test]
async fn a_server_that_was_killed_comes_back_under_its_url() {
    let (_dir, mut stack) = stack().await;
    let urls = [stack.nats_url().to_owned(), stack.database_url().to_owned()];
    let killed = [stack.nats_pid().unwrap(), stack.postgres_pid().unwrap()];
    for pid in killed {
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    }
    eventually("both are dead", || !killed.into_iter().any(is_alive)).await;

    stack.restart_nats().await.unwrap();
    stack.restart_postgres().await.unwrap();
    assert_eq!([stack.nats_url(), stack.database_url()], urls);
    database(&stack).await.batch_execute("SELECT 1").await.unwrap();
    jetstream(&stack).await.query_account().await.unwrap();
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_commit_is_durable_and_the_database_is_plain() {
    let (_dir, stack) = stack().await;
    let client = database(&stack).await;
    for (setting, expected) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "200"),
        ("max_locks_per_transaction", "256"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
        ("jit", "off"),
    ] {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), expected, "{setting}");
    }
    let row = client
        .query_one("SELECT datcollate FROM pg_database WHERE datname = current_database()", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "C");
    let info = jetstream(&stack).await.client().server_info();
    assert!(info.jetstream);
    assert_eq!(info.max_payload, 1024 * 1024);
    stack.stop().await.unwrap();
}
