//! Faults over a cluster, one after the other: three NATS servers, a PostgreSQL primary with two standbys, two processes
//! of each worker. While orders keep coming, each fault hits one server or process, and the longest stall is measured.
//! At the end every order is audited.

mod args;
mod broker;
mod consumers;
mod database;
mod deployment;
mod disk_faults;
mod disks;
mod fault;
mod inject;
mod links;
mod process_faults;
mod report;
mod run;
mod server_faults;
mod shop;
mod stall;
mod tend;

pub(crate) use args::ClusterArgs;
pub(crate) use consumers::{ConsumersArgs, measure};
pub(crate) use run::run;
