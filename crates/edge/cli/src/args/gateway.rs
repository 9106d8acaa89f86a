//! Which gateway a command talks to.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Use the gateway at this address [default: that of `despatch up`].
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The gateway's key.
    #[arg(long, env = "DESPATCH_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
}
