//! What operators may ask of a worker: `ask.<worker>.<verb>`, a request and its reply outside of the stream.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use despatch_contracts::Ask;
use prost::Message;

use crate::db::DbError;
use crate::outbox::Outbox;
use crate::worker::erased::BoxFuture;

/// The header of a reply that holds [`AskError::code`].
pub(crate) const ERROR_CODE: &str = "despatch-error-code";

/// The header of a reply that holds [`AskError::message`].
pub(crate) const ERROR_TEXT: &str = "despatch-error";

/// Answers what operators ask of a worker. One of the worker's processes answers each request; a request that is repeated
/// after a lost answer must do no harm.
pub trait AskHandler: Send + Sync + 'static {
    /// The request.
    type Ask: Ask;

    /// Decides, in transactions of its own over the outbox's database, and answers.
    fn answer(
        &self,
        ask: Self::Ask,
        outbox: &Outbox,
    ) -> impl Future<Output = Result<<Self::Ask as Ask>::Reply, AskError>> + Send;
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AskError {
    /// Stable, for programs: kebab-case, e.g. `case-not-found`.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub message: String,
}

impl AskError {
    /// A refusal.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        AskError { code, message: message.into() }
    }
}

impl From<DbError> for AskError {
    fn from(error: DbError) -> Self {
        AskError::new("database", error.to_string())
    }
}

/// A registered [`AskHandler`], with its types out of sight.
pub(crate) trait RegisteredAsk: Send + Sync {
    fn verb(&self) -> &'static str;
    fn answer(&self, payload: Bytes, outbox: Outbox) -> BoxFuture<'_, Result<Bytes, AskError>>;
}

struct Registered<H>(H);

impl<H: AskHandler> RegisteredAsk for Registered<H> {
    fn verb(&self) -> &'static str {
        H::Ask::VERB
    }

    fn answer(&self, payload: Bytes, outbox: Outbox) -> BoxFuture<'_, Result<Bytes, AskError>> {
        Box::pin(async move {
            let ask = <H::Ask as Message>::decode(payload)
                .map_err(|error| AskError::new("undecodable", format!("{}: {error}", H::Ask::VERB)))?;
            Ok(self.0.answer(ask, &outbox).await?.encode_to_vec().into())
        })
    }
}

/// Takes an ask handler's types out of sight.
pub(crate) fn registered_ask(handler: impl AskHandler) -> Arc<dyn RegisteredAsk> {
    Arc::new(Registered(handler))
}
