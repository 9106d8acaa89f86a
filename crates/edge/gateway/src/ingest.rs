//! Ingest: requests submit to a queue, one task commits everything that is ready in one transaction, and only then is
//! each request answered.

pub(crate) mod committer;
mod count;
pub(crate) mod digest;
pub(crate) mod history;
pub(crate) mod kept;
mod lookup;
pub(crate) mod new_order;
pub(crate) mod payment;
pub(crate) mod queue;
pub(crate) mod shop_words;
pub(crate) mod statements;
pub(crate) mod stock_requests;
pub(crate) mod store;
pub(crate) mod submission;
mod trace;

pub use count::count_orders;
