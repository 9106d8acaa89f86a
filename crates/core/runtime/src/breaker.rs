//! Circuit breakers: a provider that refuses us or is down is asked by one event at a time, and the others wait.

mod breaker;
mod provider;

pub(crate) use breaker::{Breaker, BreakerState, Breakers, Observed, Trip};
pub use provider::ExternalProvider;
pub(crate) use provider::ProviderBackoff;
