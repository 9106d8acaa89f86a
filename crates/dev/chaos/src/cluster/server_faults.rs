//! Faults of servers: they are killed, stopped, or everything to and from them disappears.

use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;

use super::args::ClusterArgs;
use super::broker::{Broker, Elections};
use super::database::Databases;
use super::deployment::{Cluster, WORKERS_AT};
use super::fault::{Means, Role};
use super::links::SERVERS;
use super::stall::Moments;
use super::tend::{FLOW_LIMIT, endure, hold, until_row};
use crate::deployment::STREAM;
use crate::result::Result;

/// How long a killed server stays away, at most.
const DOWN: Duration = Duration::from_secs(30);

/// For how long events collect before a failover in the middle of their batches.
const COLLECT: Duration = Duration::from_secs(15);

fn duration(means: Means, lasts: Duration) -> Duration {
    if means == Means::Kill { lasts.min(DOWN) } else { lasts }
}

/// Lets a NATS server fail.
pub(crate) async fn nats(
    cluster: &mut Cluster,
    means: Means,
    role: Role,
    args: &ClusterArgs,
) -> Result<Moments> {
    // The worst case: the server that most clients are connected to.
    let busiest = cluster.broker.monitor().most_clients(None).await?;
    cluster.broker.lead(busiest).await?;
    let server = match role {
        Role::NatsLeader => busiest,
        _ => cluster.broker.monitor().most_clients(Some(busiest)).await?,
    };
    let lost = lost(cluster, server).await;
    let at = SystemTime::now();
    let Broker { links, .. } = &cluster.broker;
    match means {
        Means::Kill => cluster.broker.kill(server)?,
        Means::Stop => cluster.broker.freeze(server)?,
        Means::Swallow => links.swallow(server),
    }
    let elected = watch_elections(cluster, lost, server);
    let elections = if args.until_flowing {
        // Labels that were under way do not count.
        let elections = elected.await?;
        endure(cluster, Duration::ZERO, args).await?;
        elections
    } else {
        hold(cluster, duration(means, args.lasts)).await?;
        elected.await?
    };
    let healed = SystemTime::now();
    match means {
        Means::Kill => cluster.broker.restart(server).await?,
        Means::Stop => cluster.broker.thaw(server)?,
        Means::Swallow => cluster.broker.links.open(server, false),
    }
    Ok(Moments { at, led_again: Some(led_again(at, &elections?)), healed })
}

/// Returns the groups that a server leads.
pub(crate) async fn lost(cluster: &Cluster, server: usize) -> Vec<String> {
    let led = cluster.broker.monitor().groups(None).await.led;
    let lost: Vec<String> =
        led.into_iter().filter(|(_, leader)| *leader == server).map(|(group, _)| group).collect();
    println!("          {} leads {} groups", cluster.broker.name(server), lost.len());
    lost
}

/// Finds out when other servers lead these groups.
pub(crate) fn watch_elections(
    cluster: &Cluster,
    lost: Vec<String>,
    server: usize,
) -> JoinHandle<Result<Elections>> {
    let monitor = cluster.broker.monitor().clone();
    tokio::spawn(async move { monitor.elected(lost, server).await })
}

/// Returns when all groups on the way to a label had a leader again.
pub(crate) fn led_again(at: SystemTime, elections: &Elections) -> SystemTime {
    let all = elections.values().max().and_then(|led| led.duration_since(at).ok()).unwrap_or_default();
    println!("          all {} groups are led after {all:.1?}", elections.len());
    let on_the_way = elections.iter().filter(|(group, _)| leads_to_label(group)).map(|(_, led)| *led);
    on_the_way.max().unwrap_or(at)
}

/// Returns whether a label needs this group: the stream, or a consumer of a worker that comes before.
fn leads_to_label(group: &str) -> bool {
    group == STREAM
        || ["orders-", "inventory-", "payments-", "labels-"].iter().any(|worker| group.starts_with(worker))
}

/// Lets the primary fail, and promotes a standby.
pub(crate) async fn primary(cluster: &mut Cluster, means: Means, args: &ClusterArgs) -> Result<Moments> {
    let server = cluster.databases.primary();
    println!("          {} is the primary", cluster.databases.name(server));
    let at = SystemTime::now();
    let began = Instant::now();
    fail(&mut cluster.databases, means, server)?;
    hold(cluster, args.promote_after).await?;
    let promoted = cluster.databases.fail_over(means == Means::Kill).await?;
    println!("          {} is promoted", cluster.databases.name(cluster.databases.primary()));
    endure(cluster, duration(means, args.lasts).saturating_sub(began.elapsed()), args).await?;
    let healed = SystemTime::now();
    cluster.databases.rejoin(server).await?;
    Ok(Moments { at, led_again: Some(promoted), healed })
}

/// Lets a standby fail.
pub(crate) async fn standby(cluster: &mut Cluster, means: Means, args: &ClusterArgs) -> Result<Moments> {
    let server = (cluster.databases.primary() + 1) % SERVERS;
    println!("          {} is a standby", cluster.databases.name(server));
    let at = SystemTime::now();
    fail(&mut cluster.databases, means, server)?;
    endure(cluster, duration(means, args.lasts), args).await?;
    let healed = SystemTime::now();
    match means {
        Means::Kill => cluster.databases.restart(server).await?,
        Means::Stop => cluster.databases.thaw(server)?,
        Means::Swallow => cluster.databases.links.open(server, false),
    }
    Ok(Moments { at, led_again: None, healed })
}

fn fail(databases: &mut Databases, means: Means, server: usize) -> Result {
    match means {
        Means::Kill => databases.kill(server),
        Means::Stop => databases.freeze(server),
        Means::Swallow => {
            databases.links.swallow(server);
            Ok(())
        }
    }
}

/// Lets events collect, and kills the primary as soon as they are worked on.
pub(crate) async fn mid_batch(cluster: &mut Cluster, args: &ClusterArgs) -> Result<Moments> {
    for place in WORKERS_AT {
        cluster.fleet.freeze(place)?;
    }
    hold(cluster, COLLECT).await?;
    let thawed = SystemTime::now();
    for place in WORKERS_AT {
        cluster.fleet.thaw(place)?;
    }
    let reserved = "select count(*) > 0 from inventory.journal where recorded_at > $1";
    until_row(cluster, "the first batch is recorded", reserved, thawed, FLOW_LIMIT).await?;
    primary(cluster, Means::Kill, args).await
}
