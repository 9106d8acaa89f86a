//! `despatch probe`: is the process on this machine ready?

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::config::Config;
use crate::output::print;
use crate::result::{Result, hinted};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Succeeds when the answer is 200; otherwise says what the process waits for.
pub(crate) async fn probe(config: &Config, url: Option<&str>, as_json: bool) -> Result<ExitCode> {
    let here = || -> Result<String> {
        let listen = &config.health.listen;
        let address: SocketAddr =
            listen.parse().map_err(|error| format!("health.listen {listen}: {error}"))?;
        Ok(format!("http://127.0.0.1:{}/readyz", address.port()))
    };
    let url = url.map_or_else(here, |url| Ok(url.to_owned()))?;
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let answer = client.get(&url).send().await.map_err(|error| {
        let what = format!("{url} does not answer: {}", despatch_runtime::error_chain(&error.without_url()));
        hinted(what, "start workers with `despatch run`, or name the address of others: despatch probe URL")
    })?;
    let ready = answer.status().is_success();
    let text = answer.text().await?;
    if as_json {
        // A line for each part that is not ready.
        let waiting: Vec<&str> = if ready { Vec::new() } else { text.lines().collect() };
        print(&format!("{:#}\n", json!({ "ready": ready, "waiting_for": waiting })))?;
    } else {
        print(&text)?;
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
