//! Shared by tests: real servers, one pair for each test binary, and in them a database and a subject namespace for
//! each test. Tests wait for what they expect, never for a time to pass.

mod child;
mod greeting;
mod proxy;
mod sample;
mod servers;
mod test_env;

pub use child::Child;
pub use greeting::nats_with_max_payload;
pub use proxy::{Condition, Direction, Proxy};
pub use sample::{order, order_json};
pub use servers::Servers;
pub use test_env::{TestEnv, eventually};
