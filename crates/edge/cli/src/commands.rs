//! The subcommands, a file each.

mod case_filter;
pub(crate) mod config;
mod csv_file;
#[cfg(feature = "local")]
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod exceptions;
mod gateway;
pub(crate) mod goods;
pub(crate) mod guide;
pub(crate) mod import;
mod items;
#[cfg(feature = "local")]
pub(crate) mod key;
mod locations;
#[cfg(feature = "local")]
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod orders;
pub(crate) mod permissions;
pub(crate) mod probe;
pub(crate) mod provision;
pub(crate) mod recover;
pub(crate) mod replays;
pub(crate) mod retries;
pub(crate) mod run;
#[cfg(feature = "local")]
pub(crate) mod sandbox;
pub(crate) mod status;
mod stock;
#[cfg(feature = "local")]
pub(crate) mod stop;
#[cfg(feature = "local")]
pub(crate) mod up;
mod waiting;
