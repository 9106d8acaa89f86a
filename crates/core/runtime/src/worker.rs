//! The public API for authors of workers.

mod ask;
mod erased;
mod gauge;
mod handler;
mod provider;
mod retention;
mod spec;
mod timer;
mod tx;
mod verdict;
mod worker;

pub use ask::{AskError, AskHandler};
pub(crate) use ask::{ERROR_CODE, ERROR_TEXT, RECEIPT, RegisteredAsk, registered_ask};
pub(crate) use erased::{BoundEvent, RegisteredHandler};
pub use gauge::SqlGauge;
pub use handler::{EffectHandler, Handler, StartAt};
pub(crate) use provider::RegisteredProvider;
pub use provider::{ProviderAnswer, ProviderCheck, ProviderFault};
pub use retention::Retention;
pub use spec::HandlerSpec;
pub use timer::Timer;
pub(crate) use tx::AfterCommit;
pub use tx::Tx;
pub(crate) use verdict::Failed;
pub use verdict::{HandlerError, Verdict};
pub use worker::Worker;
