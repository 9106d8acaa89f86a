//! Faults of disks: they are full.

use std::time::{Duration, Instant, SystemTime};

use super::args::ClusterArgs;
use super::deployment::Cluster;
use super::server_faults::{led_again, lost, watch_elections};
use super::stall::Moments;
use super::tend::hold;
use crate::deployment::STREAM;
use crate::result::Result;

type Filled = Result<std::result::Result<Moments, &'static str>>;

const NO_DISKS: &str = "only root, with unshare(1), may mount small disks";

/// How long a primary with a full disk may go on before it counts as unharmed.
const UNHARMED: Duration = Duration::from_secs(60);

/// Fills the disk of the NATS server that leads the stream. Room alone does not bring its store back, so it is started
/// again afterwards.
pub(crate) async fn full_nats(cluster: &mut Cluster, lasts: Duration) -> Filled {
    if cluster.disks.nats.is_empty() {
        return Ok(Err(NO_DISKS));
    }
    let led = cluster.broker.monitor().groups(None).await.led;
    let server = *led.get(STREAM).ok_or("the stream has no leader")?;
    let lost = lost(cluster, server).await;
    let at = SystemTime::now();
    cluster.disks.nats[server].fill()?;
    let elected = watch_elections(cluster, lost, server);
    hold(cluster, lasts).await?;
    let healed = SystemTime::now();
    cluster.disks.nats[server].relieve()?;
    cluster.broker.kill(server)?;
    cluster.broker.restart(server).await?;
    let led_again = Some(led_again(at, &elected.await??));
    Ok(Ok(Moments { at, led_again, healed }))
}

/// Fills the disk of the primary, and promotes a standby once the primary has failed.
pub(crate) async fn full_primary(cluster: &mut Cluster, args: &ClusterArgs) -> Filled {
    if cluster.disks.postgres.is_empty() {
        return Ok(Err(NO_DISKS));
    }
    let server = cluster.databases.primary();
    println!("          {} is the primary", cluster.databases.name(server));
    let at = SystemTime::now();
    cluster.disks.postgres[server].fill()?;
    let began = Instant::now();
    // The log goes on in the segment that it has, so segments are used up.
    while cluster.databases.switches_log().await && began.elapsed() < UNHARMED {
        cluster.tend()?;
    }
    println!("          it fails {:.1?} after its disk was full", began.elapsed());
    hold(cluster, args.promote_after).await?;
    let led_again = Some(cluster.databases.fail_over(false).await?);
    hold(cluster, args.lasts.saturating_sub(began.elapsed()).min(UNHARMED)).await?;
    let healed = SystemTime::now();
    cluster.disks.postgres[server].relieve()?;
    cluster.databases.rejoin(server).await?;
    Ok(Ok(Moments { at, led_again, healed }))
}

/// Fills the disk under the log of every process.
pub(crate) async fn full_log(cluster: &mut Cluster, lasts: Duration) -> Filled {
    let Some(disk) = &cluster.disks.logs else { return Ok(Err(NO_DISKS)) };
    let at = SystemTime::now();
    disk.fill()?;
    hold(cluster, lasts).await?;
    let healed = SystemTime::now();
    if let Some(disk) = &cluster.disks.logs {
        disk.relieve()?;
    }
    Ok(Ok(Moments { at, led_again: None, healed }))
}
