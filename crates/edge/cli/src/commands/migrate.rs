//! `despatch migrate`: brings every worker's schema up to date.

use serde_json::json;

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Applies every worker's migrations.
pub(crate) async fn migrate(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    as_json: bool,
) -> Result {
    let config = attach(config, data_dir)?;
    let workers = registry.names();
    despatch_runtime::migrate_all(&config.settings(), &registry.known(&config)?).await?;
    if as_json {
        return print(&format!("{:#}\n", json!({ "schemas": workers })));
    }
    print(&format!("up to date: the schemas of {}\n", workers.join(", ")))
}
