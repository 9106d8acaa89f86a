//! The gateway's connections: how many there may be, for how long, and which one goes when there is no room.

mod address;
mod connection;
mod registry;
mod serve;

pub(crate) use address::Proxies;
pub(crate) use registry::ConnectionLimits;
pub(crate) use serve::serve;
