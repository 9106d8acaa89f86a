//! Injects a fault into a cluster, waits, and undoes it.

use std::time::{Duration, Instant, SystemTime};

use super::args::ClusterArgs;
use super::broker::Broker;
use super::database::Databases;
use super::deployment::Cluster;
use super::fault::{Fault, Means, Role};
use super::links::SERVERS;
use super::stall::Times;
use crate::deployment::STREAM;
use crate::result::Result;

/// How long a killed server stays away, at most.
const DOWN: Duration = Duration::from_secs(30);

/// Labels that must be made, and how long that may take, until the deployment counts as flowing.
const FLOWING: i64 = 8;
const FLOW_LIMIT: Duration = Duration::from_secs(180);

const POLL: Duration = Duration::from_millis(100);

/// Injects a fault, and returns when everything is as before.
pub(crate) async fn inject(cluster: &mut Cluster, fault: Fault, args: &ClusterArgs) -> Result<Times> {
    let (at, led_again, healed) = match fault {
        Fault::Nothing => {
            let at = SystemTime::now();
            hold(cluster, args.lasts.min(DOWN)).await?;
            (at, None, SystemTime::now())
        }
        Fault::Server(means, role @ (Role::NatsLeader | Role::NatsFollower)) => {
            nats(cluster, means, role, args).await?
        }
        Fault::Server(means, Role::Primary) => primary(cluster, means, args).await?,
        Fault::Server(means, Role::Standby) => standby(cluster, means, args).await?,
    };
    settle(cluster).await?;
    Ok(Times { at, led_again, healed, settled: SystemTime::now() })
}

type Moments = (SystemTime, Option<SystemTime>, SystemTime);

async fn nats(cluster: &mut Cluster, means: Means, role: Role, args: &ClusterArgs) -> Result<Moments> {
    // The worst case: the server that most clients are connected to.
    let busiest = cluster.broker.monitor().most_clients(None).await?;
    cluster.broker.lead(busiest).await?;
    let server = match role {
        Role::NatsLeader => busiest,
        _ => cluster.broker.monitor().most_clients(Some(busiest)).await?,
    };
    let led = cluster.broker.monitor().groups(None).await.led;
    let lost: Vec<String> =
        led.into_iter().filter(|(_, leader)| *leader == server).map(|(group, _)| group).collect();
    println!("          {} leads {} groups", cluster.broker.name(server), lost.len());
    let at = SystemTime::now();
    let Broker { links, .. } = &cluster.broker;
    match means {
        Means::Kill => cluster.broker.kill(server)?,
        Means::Stop => cluster.broker.freeze(server)?,
        Means::Swallow => links.swallow(server),
    }
    let monitor = cluster.broker.monitor().clone();
    let elected = tokio::spawn(async move { monitor.elected(lost, server).await });
    hold(cluster, if means == Means::Kill { args.lasts.min(DOWN) } else { args.lasts }).await?;
    let healed = SystemTime::now();
    match means {
        Means::Kill => cluster.broker.restart(server).await?,
        Means::Stop => cluster.broker.thaw(server)?,
        Means::Swallow => cluster.broker.links.open(server, false),
    }
    let elections = elected.await??;
    let after =
        |led: Option<&SystemTime>| led.and_then(|led| led.duration_since(at).ok()).unwrap_or_default();
    println!(
        "          all {} groups are led after {:.1?}",
        elections.len(),
        after(elections.values().max())
    );
    let on_the_way = elections.iter().filter(|(group, _)| leads_to_label(group)).map(|(_, led)| *led);
    Ok((at, Some(on_the_way.max().unwrap_or(at)), healed))
}

/// Returns whether a label needs this group: the stream, or a consumer of a worker that comes before.
fn leads_to_label(group: &str) -> bool {
    group == STREAM
        || ["orders-", "inventory-", "payments-", "labels-"].iter().any(|worker| group.starts_with(worker))
}

async fn primary(cluster: &mut Cluster, means: Means, args: &ClusterArgs) -> Result<Moments> {
    let server = cluster.databases.primary();
    println!("          {} is the primary", cluster.databases.name(server));
    let at = SystemTime::now();
    let began = Instant::now();
    fail(&mut cluster.databases, means, server)?;
    hold(cluster, args.promote_after).await?;
    let promoted = cluster.databases.fail_over(means == Means::Kill).await?;
    println!("          {} is promoted", cluster.databases.name(cluster.databases.primary()));
    let lasts = if means == Means::Kill { args.lasts.min(DOWN) } else { args.lasts };
    hold(cluster, lasts.saturating_sub(began.elapsed())).await?;
    let healed = SystemTime::now();
    cluster.databases.rejoin(server).await?;
    Ok((at, Some(promoted), healed))
}

async fn standby(cluster: &mut Cluster, means: Means, args: &ClusterArgs) -> Result<Moments> {
    let server = (cluster.databases.primary() + 1) % SERVERS;
    println!("          {} is a standby", cluster.databases.name(server));
    let at = SystemTime::now();
    fail(&mut cluster.databases, means, server)?;
    hold(cluster, if means == Means::Kill { args.lasts.min(DOWN) } else { args.lasts }).await?;
    let healed = SystemTime::now();
    match means {
        Means::Kill => cluster.databases.restart(server).await?,
        Means::Stop => cluster.databases.thaw(server)?,
        Means::Swallow => cluster.databases.links.open(server, false),
    }
    Ok((at, None, healed))
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

/// Waits, and tends to the processes meanwhile.
pub(crate) async fn hold(cluster: &mut Cluster, duration: Duration) -> Result {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        cluster.tend()?;
        tokio::time::sleep(POLL.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}

/// Waits until all servers are there and up to date, and labels are made.
pub(crate) async fn settle(cluster: &mut Cluster) -> Result {
    cluster.databases.until_all_follow().await?;
    let everything =
        |led: &std::collections::BTreeMap<String, usize>| led.contains_key(STREAM) && led.len() > 2;
    cluster
        .broker
        .monitor()
        .until("all replicas are current", async |groups| everything(&groups.led) && groups.behind.is_empty())
        .await?;
    let database = cluster.databases.database()?;
    let (from, began) = (SystemTime::now(), Instant::now());
    loop {
        cluster.tend()?;
        let made = "select count(*) from labels.label where created_at > $1";
        let row = database.client().await?.query_one(made, &[&from]).await?;
        if row.get::<_, i64>(0) >= FLOWING {
            return Ok(());
        }
        if began.elapsed() > FLOW_LIMIT {
            return Err(format!("fewer than {FLOWING} labels within {FLOW_LIMIT:?}").into());
        }
        tokio::time::sleep(POLL).await;
    }
}
