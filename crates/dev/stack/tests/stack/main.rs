//! The stack as its users meet it: real servers, real processes, real signals.

mod data;
mod lifetime;
mod lock;
mod servers;
// Says to clippy what is so anyway: this is test code, which may unwrap.
#[cfg(test)]
mod support;
