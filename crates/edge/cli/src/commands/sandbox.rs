//! `despatch sandbox`: the stand-in providers as a process, for workers that are processes too.

use despatch_sandbox::{Faults, Options, Ports, Sandbox};

use crate::args::SandboxArgs;
use crate::local::fast_tracking;
use crate::result::Result;
use crate::signals;

/// The ports, which others are configured with.
const PORTS: Ports = Ports { control: 9000, stripe: 9001, shippo: 9002, smtp: 9025 };

pub(crate) async fn run(args: &SandboxArgs) -> Result {
    let sandbox = Sandbox::start(Options {
        listen: args.listen,
        host: Some(args.host.clone()),
        ports: PORTS,
        faults: args.faults.map_or_else(Faults::none, Faults::seeded),
        tracking: fast_tracking(),
        gateway_url: args.gateway.clone(),
        webhook_token: args.webhook_token.clone(),
        stripe_webhook_secret: args.stripe_secret.clone(),
        ..Options::default()
    })
    .await?;
    for (name, value) in sandbox.environment() {
        tracing::info!("{name}={value}");
    }
    signals::stop().await?;
    sandbox.stop().await;
    Ok(())
}
