//! One directory, one owner; two directories, two stacks.

use std::process::Stdio;

use despatch_stack::{Options, Stack, StackError};

use crate::support::{OwnerProcess, database, jetstream, quiet, stack};

#[tokio::test]
async fn a_second_owner_is_refused_and_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = OwnerProcess::serving(dir.path());
    let Err(error) = Stack::start(quiet(dir.path())).await else { panic!("two owners") };
    assert!(matches!(error, StackError::Owned { pid, .. } if pid == Some(first.child.id())));
    assert!(error.to_string().contains(&first.child.id().to_string()), "{error}");
    drop(first.child.stdin.take());
    assert!(first.child.wait().unwrap().success());
}

#[tokio::test]
async fn two_stacks_run_side_by_side() {
    let ((_dir, one), (_other_dir, two)) = tokio::join!(stack(), stack());
    for (stack, table) in [(&one, "of_one"), (&two, "of_two")] {
        database(stack).await.batch_execute(&format!("CREATE TABLE {table} ()")).await.unwrap();
        jetstream(stack).await.query_account().await.unwrap();
    }
    let seen = database(&one).await.query_one("SELECT to_regclass('of_two')::text", &[]).await.unwrap();
    assert_eq!(seen.get::<_, Option<String>>(0), None, "each has a database of its own");
    let strangers = one.nats_url().rsplit_once('@').unwrap().1;
    async_nats::connect(strangers).await.expect_err("nobody connects without the password");
    one.stop().await.unwrap();
    two.stop().await.unwrap();
}

#[tokio::test]
async fn a_given_url_replaces_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("unused");
    let both = Options {
        nats_url: Some("nats://elsewhere:4222".into()),
        database_url: Some("postgres://elsewhere/despatch".into()),
        ..quiet(&data_dir)
    };
    let stack = Stack::start(both).await.unwrap();
    assert_eq!(stack.nats_url(), "nats://elsewhere:4222");
    assert_eq!(stack.database_url(), "postgres://elsewhere/despatch");
    assert_eq!((stack.nats_pid(), stack.postgres_pid()), (None, None));
    stack.stop().await.unwrap();
    assert!(!data_dir.exists(), "nothing is stored, so nothing is created");
}

#[tokio::test]
async fn the_environment_replaces_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let output = OwnerProcess::command(dir.path())
        .env("DESPATCH_DATABASE_URL", "postgres://elsewhere/despatch")
        .env("DESPATCH_NATS_URL", "")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let urls = String::from_utf8(output.stdout).unwrap();
    let urls: Vec<&str> = urls.lines().collect();
    assert!(urls[0].starts_with("nats://despatch:"), "empty means unset: {urls:?}");
    assert_eq!(urls[1], "postgres://elsewhere/despatch");
    assert!(!dir.path().join("postgres").exists());
}
