//! Faults of processes: no descriptor is left, and a clock is wrong.

use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::net::TcpStream;

use super::deployment::{Cluster, GATEWAYS, WORKERS_AT};
use super::stall::Moments;
use super::tend::hold;
use crate::fleet::faketime;
use crate::result::Result;

/// Descriptors that a gateway may open in addition to those that it has.
const SPARE: usize = 16;

/// Connections that say nothing. They are more than that.
const IDLE: usize = 100;

/// The variable of Stripe's key.
const STRIPE_KEY: &str = "DESPATCH_STRIPE_SECRET_KEY";

/// 40 days.
const WRONG_HOURS: i64 = 40 * 24;

/// Opens idle connections until a gateway has no descriptor left.
pub(crate) async fn no_descriptors(
    cluster: &mut Cluster,
    lasts: Duration,
) -> Result<std::result::Result<Moments, &'static str>> {
    let gateway = GATEWAYS[0];
    let (Some(pid), Some(address)) = (cluster.fleet.pid(gateway), cluster.fleet.gateway_address(gateway))
    else {
        return Err("the gateway does not run".into());
    };
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Ok(Err("this system has no /proc"));
    };
    let most = u64::try_from(open.count() + SPARE)?;
    let at = SystemTime::now();
    let before = limit(pid, Rlimit { current: Some(most), maximum: getrlimit(Resource::Nofile).maximum })?;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(address).await?);
    }
    hold(cluster, lasts).await?;
    let healed = SystemTime::now();
    drop(idle);
    limit(pid, before)?;
    Ok(Ok(Moments { at, led_again: None, healed }))
}

#[cfg(target_os = "linux")]
fn limit(pid: u32, to: Rlimit) -> Result<Rlimit> {
    Ok(prlimit(Pid::from_raw(pid.cast_signed()), Resource::Nofile, to)?)
}

/// Starts a gateway with a clock 40 days behind, and workers with one 40 days ahead.
pub(crate) async fn wrong_clocks(
    cluster: &mut Cluster,
    lasts: Duration,
) -> Result<std::result::Result<Moments, &'static str>> {
    if faketime().is_none() {
        return Ok(Err("libfaketime is not installed"));
    }
    let at = SystemTime::now();
    for (place, hours) in [(GATEWAYS[0], -WRONG_HOURS), (WORKERS_AT[0], WRONG_HOURS)] {
        cluster.fleet.kill(place)?;
        cluster.fleet.start(place, hours)?;
    }
    hold(cluster, lasts).await?;
    let healed = SystemTime::now();
    for place in [GATEWAYS[0], WORKERS_AT[0]] {
        cluster.fleet.kill(place)?;
        cluster.fleet.start(place, 0)?;
    }
    Ok(Ok(Moments { at, led_again: None, healed }))
}

/// Starts the workers with a key that Stripe no longer takes, and then with one that it does.
pub(crate) async fn rotated_key(cluster: &mut Cluster, lasts: Duration) -> Result<Moments> {
    let environment = cluster.sandbox.environment();
    let valid = environment.into_iter().find(|(name, _)| *name == STRIPE_KEY).ok_or("Stripe needs no key")?.1;
    let at = SystemTime::now();
    restart_with(cluster, "sk_live_that_was_rotated".to_owned())?;
    hold(cluster, lasts).await?;
    let healed = SystemTime::now();
    restart_with(cluster, valid)?;
    Ok(Moments { at, led_again: Some(healed), healed })
}

fn restart_with(cluster: &mut Cluster, key: String) -> Result {
    cluster.fleet.tell(STRIPE_KEY, key);
    for place in WORKERS_AT {
        cluster.fleet.kill(place)?;
        cluster.fleet.start(place, 0)?;
    }
    Ok(())
}
