//! The despatch command: run workers, import orders, watch events, the demo.
//!
//! A library so that a program can run workers of its own, beside these or alone, with the same configuration and the same
//! commands: see [`Registry`] and `examples/`. The chaos harness is such a program too.
//!
//! From bottom to top: `registry` lists the workers and `config` reads their settings. `local` finds a deployment that
//! runs on this machine, or runs one. `commands` has a file for each subcommand of `args`. `dispatch` brings them together.
//!
//! The feature `local`, on by default, has the commands that run a deployment of their own (`up`, `demo`, `sandbox`). Without
//! it the binary contains no servers, no stand-in providers and no audit, as in the production image.

mod args;
mod ask;
mod commands;
mod config;
mod dispatch;
mod gateway;
mod listen;
mod local;
mod open_files;
mod output;
mod pages;
mod registry;
mod result;
mod signals;
mod version;

pub use dispatch::{command_line, main, run};
pub use open_files::raise_open_files;
pub use registry::{Entry, Registry};
