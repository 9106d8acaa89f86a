//! The worker's settings.

use serde::Deserialize;

/// The worker's table of the configuration, with the default of every key.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The table `[giftwrap]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Orders from this total on are wrapped, in minor units of their currency.
    pub at_least_minor: i64,
    /// The paper's colour.
    pub paper: String,
}
