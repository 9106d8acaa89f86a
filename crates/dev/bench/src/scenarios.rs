//! The benchmarks: a file for each command, with its arguments.

pub(crate) mod autoscale;
pub(crate) mod baseline;
pub(crate) mod chart;
pub(crate) mod flash_sale;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod growth;
pub(crate) mod instructions;
pub(crate) mod latency;
pub(crate) mod orders;
pub(crate) mod ratio;
pub(crate) mod replicas;
pub(crate) mod start;
pub(crate) mod telemetry;
