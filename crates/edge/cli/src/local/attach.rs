//! How commands find the servers of the deployment that runs on this machine.

use std::error::Error;

use super::data_dir::DataDir;
use super::owner::Owner;
use crate::config::Config;
use crate::result::{Result, hinted};

/// The configuration with the servers of the local deployment where none are configured. Fails when there is neither.
pub(crate) fn attach(config: Config, data_dir: &DataDir) -> Result<Config> {
    let configured = !config.nats_url.is_empty() || !config.database_url.is_empty();
    let complete = !config.nats_url.is_empty() && !config.database_url.is_empty();
    // Private servers end with their owner, and leave their addresses behind.
    if !complete && data_dir.owner()? == Owner::Nobody && (!configured || data_dir.address()?.is_some()) {
        return Err(not_running(data_dir));
    }
    let config = with_local_servers(config, data_dir)?;
    config.check_servers()?;
    Ok(config)
}

/// The error of a command that needs a running deployment.
fn not_running(data_dir: &DataDir) -> Box<dyn Error + Send + Sync> {
    hinted(
        format!("no despatch runs in {}", data_dir.path().display()),
        format!(
            "despatch up{}\nor --data-dir DIR, or set nats_url and database_url for servers that exist",
            data_dir.option()
        ),
    )
}

/// The configuration with the servers of the local deployment, if there is one, where none are configured.
pub(crate) fn with_local_servers(mut config: Config, data_dir: &DataDir) -> Result<Config> {
    if !config.nats_url.is_empty() && !config.database_url.is_empty() {
        return Ok(config);
    }
    if let Some(address) = data_dir.address()? {
        if config.nats_url.is_empty() {
            config.nats_url = address.nats_url;
        }
        if config.database_url.is_empty() {
            config.database_url = address.database_url;
        }
    }
    Ok(config)
}
