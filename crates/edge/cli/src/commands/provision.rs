//! `despatch provision`: creates the stream and every consumer, or corrects them.

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::registry::Registry;
use crate::result::Result;

/// Brings the broker into the shape that the workers need.
pub(crate) async fn provision(registry: &Registry, config: Config, data_dir: &DataDir) -> Result {
    let config = attach(config, data_dir)?;
    Ok(despatch_runtime::provision_all(&config.settings(), &registry.known(&config)?).await?)
}
