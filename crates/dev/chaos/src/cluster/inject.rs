//! Injects a fault into a cluster, waits, and undoes it.

use std::time::{Duration, SystemTime};

use super::args::ClusterArgs;
use super::deployment::Cluster;
use super::disk_faults::{full_log, full_nats, full_primary};
use super::fault::{Fault, Role};
use super::process_faults::{no_descriptors, rotated_key, wrong_clocks};
use super::server_faults::{mid_batch, nats, primary, standby};
use super::stall::{Moments, Times};
use super::tend::{hold, settle};
use crate::result::Result;

/// Whether a fault was injected.
pub(crate) enum Outcome {
    /// It was, at these times.
    Done(Times),
    /// It could not be injected, for this reason.
    Skipped(&'static str),
}

/// How long a fault lasts whose effect shows at once.
const SHORT: Duration = Duration::from_secs(30);

/// Injects a fault, and returns when everything is as before.
pub(crate) async fn inject(cluster: &mut Cluster, fault: Fault, args: &ClusterArgs) -> Result<Outcome> {
    let short = args.lasts.min(SHORT);
    let moments = match fault {
        Fault::Nothing => {
            let at = SystemTime::now();
            hold(cluster, short).await?;
            Ok(Moments { at, led_again: None, healed: SystemTime::now() })
        }
        Fault::Server(means, role @ (Role::NatsLeader | Role::NatsFollower)) => {
            nats(cluster, means, role, args).await.map(Ok)?
        }
        Fault::Server(means, Role::Primary) => primary(cluster, means, args).await.map(Ok)?,
        Fault::Server(means, Role::Standby) => standby(cluster, means, args).await.map(Ok)?,
        Fault::KillPrimaryMidBatch => mid_batch(cluster, args).await.map(Ok)?,
        Fault::FullNats => full_nats(cluster, short).await?,
        Fault::FullPrimary => full_primary(cluster, args).await?,
        Fault::FullLog => full_log(cluster, short).await?,
        Fault::NoDescriptors => no_descriptors(cluster, short).await?,
        Fault::WrongClocks => wrong_clocks(cluster, short).await?,
        Fault::RotatedKey => rotated_key(cluster, short).await.map(Ok)?,
    };
    match moments {
        Ok(moments) => {
            settle(cluster).await?;
            Ok(Outcome::Done(Times { moments, settled: SystemTime::now() }))
        }
        Err(why) => Ok(Outcome::Skipped(why)),
    }
}
