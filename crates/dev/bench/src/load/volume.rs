//! The amount of work in a run of the flow.

use crate::bounds::at_least_one;

/// Orders of a run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Volume {
    /// Orders in each measured run
    #[arg(long, default_value_t = 40_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Orders that warm up before each of them
    #[arg(long, default_value_t = 4_000, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Orders in flight
    #[arg(long, default_value_t = 8_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) in_flight: usize,
}
