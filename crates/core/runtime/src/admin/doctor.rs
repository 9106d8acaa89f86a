//! Examines a deployment: servers, schemas, the stream, its consumers, processes, clocks, providers, and what should have
//! been done by now. A server that is away is a finding. Nothing is left changed.

mod check;
mod nats;
mod postgres;
mod processes;
mod providers;
mod stream_probe;

pub use check::{Check, Grade};
pub use stream_probe::stream_stores;

use crate::settings::Settings;
use crate::worker::Worker;

/// Looks at the servers, at what these workers need there, and at their providers.
pub async fn examine(settings: &Settings, workers: &[Worker]) -> Vec<Check> {
    let (nats, postgres, providers) = tokio::join!(
        nats::examine(settings, workers),
        postgres::examine(settings, workers),
        providers::examine(workers),
    );
    let in_group = |checks: Vec<Check>, group: &'static str| {
        checks.into_iter().map(move |check| if check.group.is_empty() { check.of(group) } else { check })
    };
    in_group(nats, "NATS")
        .chain(in_group(postgres, "PostgreSQL"))
        .chain(in_group(providers, "providers"))
        .collect()
}
