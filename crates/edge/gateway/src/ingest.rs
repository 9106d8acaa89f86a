//! How whatever comes in is committed: requests submit it to a queue, one task commits what lies ready in one
//! transaction, and only then is the request answered.

pub(crate) mod committer;
pub(crate) mod new_order;
pub(crate) mod queue;
pub(crate) mod store;
mod trace;
