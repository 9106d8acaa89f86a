//! Servers end with their owner, however it ends.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::support::{OwnerProcess, eventually, is_alive, stack};

#[tokio::test]
async fn servers_end_with_a_killed_owner() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = OwnerProcess::serving(dir.path());
    assert!(owner.servers.iter().copied().all(is_alive));
    kill_process(Pid::from_child(&owner.child), Signal::KILL).unwrap();
    owner.child.wait().unwrap();
    eventually("both servers have ended", || !owner.servers.iter().copied().any(is_alive)).await;
}

#[tokio::test]
async fn servers_end_with_an_owner_interrupted_at_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = OwnerProcess::serving(dir.path());
    kill_process_group(Pid::from_child(&owner.child), Signal::INT).unwrap();
    owner.child.wait().unwrap();
    eventually("both servers have ended", || !owner.servers.iter().copied().any(is_alive)).await;
    let log = std::fs::read_to_string(dir.path().join("postgres/server.log")).unwrap();
    assert!(log.contains("database system is shut down"), "not in good order:\n{log}");
}

#[tokio::test]
async fn frozen_servers_end_with_their_owner_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = OwnerProcess::serving(dir.path());
    for pid in &owner.servers {
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::STOP).unwrap();
    }
    owner.child.kill().unwrap();
    owner.child.wait().unwrap();
    eventually("both servers have ended", || !owner.servers.iter().copied().any(is_alive)).await;
}

#[tokio::test]
async fn servers_are_gone_when_stop_or_drop_returns() {
    for stop in [true, false] {
        let (_dir, stack) = stack().await;
        let servers = [stack.nats_pid().unwrap(), stack.postgres_pid().unwrap()];
        assert!(servers.into_iter().all(is_alive));
        if stop {
            stack.stop().await.unwrap();
        } else {
            drop(stack);
        }
        assert!(!servers.into_iter().any(is_alive), "stop: {stop}");
    }
}
