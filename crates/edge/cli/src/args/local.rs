//! The command lines of `despatch up`, `demo`, `logs` and `sandbox`.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use clap::Args;

/// Reads a whole number.
fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

/// Reads an address with its port.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address with a port such as 127.0.0.1:8090".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Take orders at this address [default: gateway.listen, 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Show the whole log here too [default: warnings only].
    #[arg(long)]
    pub(crate) log: bool,
    /// Let the stand-in providers misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED", value_parser = number::<u64>)]
    pub(crate) faults: Option<u64>,
    /// Make new secrets: links in mails that are out stop working, and the API key changes.
    #[arg(long)]
    pub(crate) new_secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many of the 5,009 orders.
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub(crate) orders: Option<usize>,
    /// Let the stand-in providers misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED", value_parser = number::<u64>)]
    pub(crate) faults: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Wait for further lines and print them, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print the last N lines.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub(crate) lines: usize,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The address to listen on. Ports: 9000 counts and faults, 9001 Stripe, 9002 Shippo, 9025 mail.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) listen: IpAddr,
    /// The name under which others reach it; part of the links to labels.
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST")]
    pub(crate) host: String,
    /// The gateway, which is sent the carrier's scans.
    #[arg(long, value_name = "URL", requires = "webhook_token")]
    pub(crate) gateway: Option<String>,
    /// One of the gateway's shippo.webhook_tokens.
    #[arg(long, env = "DESPATCH_SANDBOX_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) webhook_token: Option<String>,
    /// One of the gateway's stripe.webhook_secrets. Without it, Stripe sends no events.
    #[arg(
        long,
        env = "DESPATCH_SANDBOX_STRIPE_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        requires = "gateway"
    )]
    pub(crate) stripe_secret: Option<String>,
    /// Misbehave, repeatably by this seed.
    #[arg(long, value_name = "SEED", value_parser = number::<u64>)]
    pub(crate) faults: Option<u64>,
}
