//! A deployment on this machine: its data directory, how commands find it, and how it is run.

mod attach;
mod data_dir;
#[cfg(feature = "local")]
mod deployment;
#[cfg(feature = "local")]
mod log_file;
mod owner;
mod permissions;
mod server_state;
#[cfg(feature = "local")]
mod servers;
#[cfg(feature = "local")]
mod state;

pub(crate) use attach::{attach, with_local_servers};
pub(crate) use data_dir::DataDir;
#[cfg(feature = "local")]
pub(crate) use deployment::{LaunchOptions, LocalDeployment, fast_tracking};
#[cfg(feature = "local")]
pub(crate) use log_file::{LogFile, previous as previous_log};
pub(crate) use owner::Owner;
pub(crate) use server_state::ServerStates;
