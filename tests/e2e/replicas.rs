//! Two processes of the same worker share its work; when one is killed, the other does the rest, and nothing is lost or
//! done twice.

use crate::child::Despatch;
use crate::deployment::Deployment;
use crate::until::until;

/// Orders that are placed when both are known to work, and on which one of them dies.
const CROWD: u64 = 60;

/// Orders at a time until both have worked.
const HANDFUL: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_is_survived_by_the_other() {
    let settings =
        [("DESPATCH_RUNTIME_ACK_WAIT_SECONDS", "3"), ("DESPATCH_RUNTIME_SWEEP_AFTER_SECONDS", "3")];
    let deployment = Deployment::new(&settings).await;
    let others = ["orders", "inventory", "labels", "notifications", "reviews"];
    let (_others, shop) = deployment.run_with_gateway(&others, 1000).await;
    let (survivor, victim) = (deployment.run(&["payments"]), deployment.run(&["payments"]));

    let mut placed = 0;
    until("both capture payments", async || {
        shop.place(placed..placed + HANDFUL).await;
        placed += HANDFUL;
        until("the handful is captured", async || {
            (deployment.sandbox.counts().captures >= placed).then_some(())
        })
        .await;
        (captures(&survivor) > 0 && captures(&victim) > 0).then_some(())
    })
    .await;

    let before = captures(&survivor);
    shop.place(placed..placed + CROWD).await;
    // Every answer takes its time or is lost, so whatever the victim has begun on it does not live to record.
    until("the crowd is being captured", async || {
        (deployment.sandbox.counts().captures > placed).then_some(())
    })
    .await;
    victim.kill();
    placed += CROWD;

    let counts = deployment.completes(placed).await;
    assert_eq!(counts.captures, placed, "{counts:?}");
    assert_eq!(counts.double_captures, [], "{counts:?}");
    assert_eq!(counts.labels, placed, "{counts:?}");
    assert!(captures(&survivor) > before, "the survivor took over");
}

/// How often a process has tried to capture a payment, by its log.
fn captures(process: &Despatch) -> usize {
    let log = process.stderr();
    log.lines().filter(|line| line.contains("perform{handler=\"payments.capture\"")).count()
}
