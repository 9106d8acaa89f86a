//! The gateway's HTTP server, in a process that runs the gateway's worker.

use despatch_gateway::GatewayError;
use despatch_read_model::ReadModel;
use despatch_runtime::Process;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::listen::listen;
use crate::result::Result;

/// Listens at `gateway.listen`. `command` is the one that is run, for the hint to run it at another address.
pub(crate) async fn bind(config: &Config, command: &str) -> Result<TcpListener> {
    let address = config.gateway.listen.to_string();
    listen(&address, |other| match command {
        "up" => format!("despatch up --listen {other}"),
        _ => format!("DESPATCH_GATEWAY_LISTEN={other} despatch {command}"),
    })
    .await
}

/// Serves until `shutdown`. Orders go to the outbox of the process's gateway worker.
pub(crate) fn serve(
    config: &Config,
    process: &Process,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<JoinHandle<Result<(), GatewayError>>> {
    let outbox = process.outbox(despatch_gateway::NAME).ok_or("the gateway's worker is not running")?;
    let read_model = ReadModel::new(&config.settings())?;
    Ok(tokio::spawn(despatch_gateway::serve(config.gateway(), outbox, read_model, listener, shutdown)))
}
