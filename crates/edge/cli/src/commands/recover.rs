//! `despatch recover`: publishes again what was recorded since a time.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

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
    as_json: bool,
) -> Result {
    let (config, workers) = (attach(config, data_dir)?, registry.named(worker)?);
    let counts = despatch_runtime::recover_all(&config.settings(), &workers, since.into()).await?;
    if as_json {
        let counts: Map<String, Value> =
            counts.into_iter().map(|(worker, count)| (worker.to_string(), count.into())).collect();
        return print(&format!("{:#}\n", json!({ "published_again": counts })));
    }
    for (worker, count) in counts {
        print(&format!("{worker:<15} {count} messages published again\n"))?;
    }
    Ok(())
}
