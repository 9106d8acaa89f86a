//! The work and where it runs. [`run_env`] has the servers and a new database for each run, [`steps`] the steps of an
//! order. [`closed_loop`] and [`saturate`] place orders as fast as they complete, in this process or in others
//! ([`worker_process`]). [`despatch_process`] runs the real workers as a deployment does.

pub(crate) mod audit;
pub(crate) mod carrier;
pub(crate) mod closed_loop;
pub(crate) mod despatch_process;
pub(crate) mod http_client;
pub(crate) mod placing;
pub(crate) mod progress;
pub(crate) mod run_env;
pub(crate) mod saturate;
pub(crate) mod steps;
pub(crate) mod volume;
pub(crate) mod worker_process;
