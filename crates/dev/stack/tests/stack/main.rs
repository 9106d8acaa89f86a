//! The stack with real servers, real processes and real signals.

mod data;
mod lifetime;
mod lock;
mod servers;
// `cfg` says to clippy what is so anyway: this is test code, which may unwrap.
#[cfg(test)]
mod support;
#[cfg(test)]
mod watch;
