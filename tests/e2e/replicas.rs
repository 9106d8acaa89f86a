//! Two processes of the same worker share its work; when one is killed, the other does the rest, and nothing is lost or
//! done twice.

use crate::deployment::{Deployment, free_address};
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
    let [survivor_at, victim_at] = [free_address(), free_address()];
    let _survivor = deployment.run_observed(&["payments"], &survivor_at);
    let victim = deployment.run_observed(&["payments"], &victim_at);

    let mut placed = 0;
    until("both capture payments", async || {
        shop.place(placed..placed + HANDFUL).await;
        placed += HANDFUL;
        until("the handful is captured", async || {
            (deployment.sandbox.counts().captures >= placed).then_some(())
        })
        .await;
        (captures(&survivor_at).await? > 0 && captures(&victim_at).await? > 0).then_some(())
    })
    .await;

    let before = captures(&survivor_at).await.expect("the survivor's metrics");
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
    let after = captures(&survivor_at).await.expect("the survivor's metrics");
    assert!(after > before, "the survivor took over");
}

/// Returns how often the process at this address has asked for a capture, by its metrics; `None` if it does not answer.
async fn captures(health: &str) -> Option<u64> {
    let metrics = reqwest::get(format!("http://{health}/metrics")).await.ok()?.text().await.ok()?;
    let performed = metrics.lines().filter(|line| {
        line.starts_with("despatch_stage_duration_seconds_count{")
            && line.contains("handler=\"payments.capture\"")
            && line.contains("stage=\"perform\"")
    });
    Some(performed.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}
