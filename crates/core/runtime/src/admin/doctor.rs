//! Examines a deployment: servers, schemas, the stream, its consumers, clocks, and what should have been done by now. It
//! changes nothing, and a server that is away is a finding.

mod check;
mod nats;
mod postgres;

pub use check::{Check, Grade};

use crate::settings::Settings;
use crate::worker::Worker;

/// Looks at the servers, and at what these workers need there.
pub async fn examine(settings: &Settings, workers: &[Worker]) -> Vec<Check> {
    let (mut checks, databases) =
        tokio::join!(nats::examine(settings, workers), postgres::examine(settings, workers));
    checks.extend(databases);
    checks
}
