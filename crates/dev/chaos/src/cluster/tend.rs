//! Waits, and tends to the processes meanwhile.

use std::time::{Duration, Instant, SystemTime};

use super::args::ClusterArgs;
use super::deployment::Cluster;
use crate::deployment::STREAM;
use crate::result::Result;

/// How long the processes may take to go on.
pub(crate) const FLOW_LIMIT: Duration = Duration::from_secs(180);

/// How long they may take in spite of a fault. A client that leaves a silent server only after two minutes, as the NATS
/// library does by itself, is too late.
const IN_SPITE_LIMIT: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(100);
const SHORT_POLL: Duration = Duration::from_millis(20);

/// Waits this long.
pub(crate) async fn hold(cluster: &mut Cluster, duration: Duration) -> Result {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        cluster.tend()?;
        tokio::time::sleep(POLL.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}

/// Waits as long as a fault lasts.
pub(crate) async fn endure(cluster: &mut Cluster, lasts: Duration, args: &ClusterArgs) -> Result {
    if args.until_flowing { flows(cluster, IN_SPITE_LIMIT).await } else { hold(cluster, lasts).await }
}

/// Waits until labels are made.
async fn flows(cluster: &mut Cluster, limit: Duration) -> Result {
    let made = "select count(*) >= 8 from labels.label where created_at > $1";
    until_row(cluster, "eight labels are made", made, SystemTime::now(), limit).await
}

/// Waits until all servers are there and up to date, and labels are made.
pub(crate) async fn settle(cluster: &mut Cluster) -> Result {
    cluster.databases.until_all_follow().await?;
    cluster
        .broker
        .monitor()
        .until("all replicas are current", async |groups| {
            groups.led.contains_key(STREAM) && groups.behind.is_empty()
        })
        .await?;
    flows(cluster, FLOW_LIMIT).await
}

/// Waits until a query, whose parameter is a time, returns true.
pub(crate) async fn until_row(
    cluster: &mut Cluster,
    what: &str,
    sql: &str,
    since: SystemTime,
    limit: Duration,
) -> Result {
    let database = cluster.databases.database()?;
    let began = Instant::now();
    loop {
        cluster.tend()?;
        if database.client().await?.query_one(sql, &[&since]).await?.get(0) {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(format!("not within {limit:?}: {what}").into());
        }
        tokio::time::sleep(SHORT_POLL).await;
    }
}
