//! `despatch recover`: publishes again what was recorded since a time.

use jiff::Timestamp;

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Publishes again, and prints how many messages of each worker.
pub(crate) async fn recover(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    since: Timestamp,
    worker: Option<&str>,
) -> Result {
    let (config, workers) = (attach(config, data_dir)?, registry.named(worker)?);
    let counts = despatch_runtime::recover_all(&config.settings(), &workers, since.into()).await?;
    for (worker, count) in counts {
        print(&format!("{worker:<15} {count} messages published again\n"))?;
    }
    Ok(())
}
