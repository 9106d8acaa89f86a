//! SIGTERM under load: a process finishes what it holds and leaves in time, and leaves nothing behind that its successor
//! would have to wait for.

use std::time::Instant;

use crate::deployment::Deployment;
use crate::until::{DEADLINE, until};

const ORDERS: u64 = 60;

/// How long a drain may take.
const GRACE_SECONDS: u64 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_asked_to_stop_leaves_nothing_undone() {
    // A message that was left unacked would come again only after the test's deadline.
    let ack_wait = (2 * DEADLINE.as_secs()).to_string();
    let settings = [
        ("DESPATCH_RUNTIME_ACK_WAIT_SECONDS", ack_wait.as_str()),
        ("DESPATCH_RUNTIME_SWEEP_AFTER_SECONDS", ack_wait.as_str()),
        ("DESPATCH_RUNTIME_DRAIN_GRACE_SECONDS", &GRACE_SECONDS.to_string()),
    ];
    let deployment = Deployment::new(&settings).await;
    let others = ["orders", "inventory", "notifications", "reviews"];
    let (_others, shop) = deployment.run_with_gateway(&others, 1000).await;
    let leaving = deployment.run(&["payments", "labels"]);

    shop.place(0..ORDERS).await;
    until("both workers are in the middle of it", async || {
        let counts = deployment.sandbox.counts();
        (counts.captures > 5 && counts.labels > 0).then_some(())
    })
    .await;
    leaving.terminate();
    let asked = Instant::now();
    let ended = leaving.ended().await;
    let took = asked.elapsed();
    assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
    assert!(!ended.stderr.contains("drain grace exceeded"), "its grace sufficed\n{}", ended.stderr);
    for alarm in ["part not ready", "part recovered"] {
        assert!(
            !ended.stderr.contains(alarm),
            "{alarm}, although it only started and stopped\n{}",
            ended.stderr
        );
    }
    assert!(took.as_secs() < GRACE_SECONDS, "took {took:?}");
    let counts = deployment.sandbox.counts();
    assert!(counts.labels < ORDERS, "there was something left to do: {counts:?}");

    let _successor = deployment.run(&["payments", "labels"]);
    let counts = deployment.completes(ORDERS).await;
    assert_eq!((counts.captures, counts.labels), (ORDERS, ORDERS), "{counts:?}");
    assert_eq!(counts.double_captures, [], "{counts:?}");
    assert_eq!(counts.double_labels, [], "{counts:?}");
}
