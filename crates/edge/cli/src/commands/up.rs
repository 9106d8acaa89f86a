//! `despatch up`: everything in one process, until SIGTERM or Ctrl-C.

use crate::args::UpArgs;
use crate::config::Config;
use crate::local::{DataDir, LaunchOptions, LocalDeployment};
use crate::registry::Registry;
use crate::result::Result;
use crate::signals;

/// Runs a local deployment until it is asked to stop.
pub(crate) async fn up(registry: &Registry, config: Config, data_dir: DataDir, args: &UpArgs) -> Result {
    let mut stop = std::pin::pin!(signals::stop());
    let address_file = data_dir.address_file();
    let options = LaunchOptions { config, data_dir, faults: args.faults };
    let mut deployment = tokio::select! {
        started = LocalDeployment::start(registry, options) => started?,
        asked = &mut stop => return Ok(asked?),
    };
    eprintln!("gateway   {}", deployment.address.gateway_url);
    if let Some(sandbox) = &deployment.sandbox {
        eprintln!(
            "sandbox   {} (stands in for the providers that are not configured)",
            sandbox.control_url()
        );
    }
    eprintln!("API key   in {}", address_file.display());
    eprintln!("Ctrl-C stops; what is in flight continues at the next start.");
    let failure = tokio::select! {
        asked = &mut stop => { asked?; None }
        why = deployment.failed() => Some(why),
    };
    if let Some(why) = failure {
        return Err(why.into());
    }
    eprintln!("finishing what is in flight");
    deployment.stop().await
}
