//! `despatch provision`: creates the stream and every consumer, or corrects them.

use despatch_runtime::Worker;
use serde_json::json;

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Brings the broker into the shape that the workers need.
pub(crate) async fn provision(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    as_json: bool,
) -> Result {
    let config = attach(config, data_dir)?;
    let workers = registry.known(&config)?;
    despatch_runtime::provision_all(&config.settings(), &workers).await?;
    let consumers: Vec<&str> = workers.iter().flat_map(Worker::specs).map(|spec| spec.name).collect();
    if as_json {
        return print(&format!("{:#}\n", json!({ "handlers": consumers })));
    }
    print(&format!("the stream and the consumers of {} handlers are as they should be\n", consumers.len()))
}
