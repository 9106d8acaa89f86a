//! `despatch probe`: is the process on this machine ready?

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::Config;
use crate::output::print;
use crate::result::Result;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Succeeds when the answer is 200; otherwise says what the process waits for.
pub(crate) async fn probe(config: &Config, url: Option<&str>) -> Result<ExitCode> {
    let here = || -> Result<String> {
        let listen = &config.health.listen;
        let address: SocketAddr =
            listen.parse().map_err(|error| format!("health.listen {listen}: {error}"))?;
        Ok(format!("http://127.0.0.1:{}/readyz", address.port()))
    };
    let url = url.map_or_else(here, |url| Ok(url.to_owned()))?;
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let answer = client.get(url).send().await?;
    let ready = answer.status().is_success();
    print(&answer.text().await?)?;
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
