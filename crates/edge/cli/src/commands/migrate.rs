//! `despatch migrate`: brings every worker's schema up to date.

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::registry::Registry;
use crate::result::Result;

/// Applies every worker's migrations.
pub(crate) async fn migrate(registry: &Registry, config: Config, data_dir: &DataDir) -> Result {
    let config = attach(config, data_dir)?;
    Ok(despatch_runtime::migrate_all(&config.settings(), &registry.known(&config)?).await?)
}
