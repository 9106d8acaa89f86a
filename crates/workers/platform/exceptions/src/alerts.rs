//! Alerts: what operators are told of, one alert for each cause.

pub(crate) mod gauges;
pub(crate) mod monitor;
mod store;
