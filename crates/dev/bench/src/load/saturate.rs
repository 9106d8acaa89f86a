//! The flow at saturation, with its workers in this process or in others.

use despatch_contracts::Trace;
use uuid::Uuid;

use crate::load::closed_loop::closed_loop;
use crate::load::placing::Placing;
use crate::load::progress::watch;
use crate::load::run_env::{RunEnv, Servers};
use crate::load::steps::{self, Parcel};
use crate::load::volume::Volume;
use crate::measure::run::Run;
use crate::result::Result;

/// Warms up and measures the running workers. Each order is placed in a trace of its own. `children` are the other
/// processes in which workers run.
pub(crate) async fn saturate(
    servers: &Servers,
    env: &RunEnv,
    volume: Volume,
    children: Vec<u32>,
    trace: impl Fn() -> Trace,
) -> Result<Run> {
    let (completed, watching) = watch(env, &steps::last_consumer()).await?;
    let namespace = env.settings.namespace.clone();
    let placing = || Placing::new(&namespace, Parcel::new(Uuid::now_v7()).event(0), &trace());
    let place = |orders| closed_loop(&env.jetstream, orders, volume.in_flight, &completed, placing);
    let measured = async {
        place(volume.warm_up).await?;
        Run::of(volume.orders, servers.pids(), children, place(volume.orders)).await
    };
    tokio::select! {
        run = measured => run,
        Err(error) = watching => Err(error),
    }
}
