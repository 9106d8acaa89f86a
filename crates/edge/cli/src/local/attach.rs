//! How commands find the servers of the deployment that runs on this machine.

use super::data_dir::DataDir;
use crate::config::Config;
use crate::result::{Result, hinted};

/// The configuration with the servers of the local deployment where none are configured. Fails when there is neither.
pub(crate) fn attach(config: Config, data_dir: &DataDir) -> Result<Config> {
    let configured = !config.nats_url.is_empty() || !config.database_url.is_empty();
    let config = with_local_servers(config, data_dir);
    match config.check_servers() {
        Err(_) if !configured => {
            let dir = data_dir.path().display();
            Err(hinted(
                format!("no despatch runs in {dir}"),
                "despatch up, or --data-dir DIR, or set nats_url and database_url for servers that exist",
            ))
        }
        checked => Ok(checked.map(|()| config)?),
    }
}

/// The configuration with the servers of the local deployment, if there is one, where none are configured.
pub(crate) fn with_local_servers(mut config: Config, data_dir: &DataDir) -> Config {
    if let Some(address) = data_dir.address() {
        if config.nats_url.is_empty() {
            config.nats_url = address.nats_url;
        }
        if config.database_url.is_empty() {
            config.database_url = address.database_url;
        }
    }
    config
}
