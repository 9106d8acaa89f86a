//! The names of the states of orders, parcels and reviews: one vocabulary for tables, answers, metrics and commands.
//!
//! A state is named by one worker and read by others and by the edge, which must not depend on that worker. Everything
//! here is pure.
//!
//! A payment has no state of its own: its amounts and times say how far it is.

mod order;
mod parcel;
mod review;
mod states;

pub use order::{OrderState, PLACED, PRUNED};
pub use parcel::ParcelStage;
pub use review::ReviewState;
