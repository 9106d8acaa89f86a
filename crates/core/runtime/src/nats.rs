//! NATS: the connection, names, publishing, pulling and acknowledging. Knows nothing of the journal.

mod broker;
mod connect;
mod delivery;
mod in_flight;
mod names;
mod position;
mod publisher;
pub(crate) mod pull;
mod spread;

pub(crate) use broker::{Broker, Connection, Headers, Published, USUAL_PAYLOAD, probe_subject};
pub use connect::{BrokerError, options};
pub(crate) use connect::{connect_once, place, reach};
pub(crate) use delivery::Delivery;
pub(crate) use in_flight::InFlight;
pub(crate) use names::{Names, inbox};
pub(crate) use position::{LastPositions, StreamPosition};
pub use pull::Pending;
pub(crate) use pull::{PullEvent, PullSubscription};
