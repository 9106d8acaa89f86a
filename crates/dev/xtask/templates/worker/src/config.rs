//! The worker's settings.

/// The worker's table of the configuration, with the default of every key.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The table `[{{name}}]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Orders below this total, in minor units of their currency, are not noted.
    pub at_least_minor: i64,
}
