//! How whatever comes in is committed: requests submit it to a queue, one task commits what lies ready in one
//! transaction, and only then is the request answered.

pub(crate) mod committer;
mod count;
mod lookup;
pub(crate) mod new_order;
pub(crate) mod queue;
pub(crate) mod store;
pub(crate) mod submission;
mod trace;

pub use count::count_orders;
