//! A private NATS (JetStream on file) and PostgreSQL on free loopback ports, for a laptop and for tests.
//!
//! [`Stack::start`] finds or installs the real servers, runs them under a data directory and returns when both serve.
//! They end with the process that started them, however it ends; their data stays.

mod account;
mod binaries;
mod blocking;
mod cluster;
mod error;
mod lock;
mod nats;
mod nats_node;
mod options;
mod port;
mod postgres;
mod postgres_node;
mod private;
mod probe;
mod restore;
mod secret;
mod server;
mod server_dir;
mod stack;
mod supervised;
mod time;
mod watch;
mod wheel;

pub use cluster::remove_data;
pub use error::{InstallError, Program, StackError};
pub use lock::DataDirLock;
pub use nats_node::NatsNode;
pub use options::Options;
pub use postgres_node::PostgresNode;
pub use probe::{Probe, ProbeError, Probing};
pub use stack::Stack;
pub use time::advance_time;
pub use watch::{ServerEvent, ServerNews};
