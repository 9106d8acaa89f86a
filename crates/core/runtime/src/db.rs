//! PostgreSQL: connections, error kinds, batched statements, transactions. Knows nothing of events.

mod batching;
mod endpoint;
mod error;
mod frames;
mod hosts;
mod locks;
mod place;
mod pool;
mod reader;
mod statement;
mod stored;
mod tls;
mod transaction;
mod watched;

pub use batching::{BatchParams, QueryBatcher};
pub use error::{DbError, DbErrorKind};
pub use locks::ConcurrencyKeys;
pub(crate) use locks::hash;
pub use pool::{Database, Params};
pub use reader::Reader;
pub use statement::BatchedQuery;
pub(crate) use statement::{reads, register, registered};
pub use stored::Stored;
pub(crate) use transaction::Transaction;
