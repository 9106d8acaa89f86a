//! Asks: requests of operators to a worker, on `ask.<worker>.<verb>`, with a reply outside of the stream.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use despatch_contracts::Ask;
use prost::Message;

use crate::db::DbError;
use crate::outbox::Outbox;
use crate::worker::erased::BoxFuture;

/// Reply header that holds [`AskError::code`].
pub(crate) const ERROR_CODE: &str = "despatch-error-code";

/// Reply header that holds [`AskError::message`].
pub(crate) const ERROR_TEXT: &str = "despatch-error";

/// Header of the empty message that says, before the answer, that a process has the request.
pub(crate) const RECEIPT: &str = "despatch-receipt";

/// Answers one kind of operators' requests to a worker. One of the worker's processes answers each request. An answer
/// may get lost and its request be repeated, so a repeated request must do no harm.
pub trait AskHandler: Send + Sync + 'static {
    /// The request type.
    type Ask: Ask;

    /// Decides and answers, in transactions of its own on the outbox's database.
    fn answer(
        &self,
        ask: Self::Ask,
        outbox: &Outbox,
    ) -> impl Future<Output = Result<<Self::Ask as Ask>::Reply, AskError>> + Send;
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AskError {
    /// Stable code for programs, in kebab case, e.g. `case-not-found`.
    pub code: &'static str,
    /// Message for people: the defect and the remedy.
    pub message: String,
}

impl AskError {
    /// Creates a refusal.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        AskError { code, message: message.into() }
    }
}

impl From<DbError> for AskError {
    fn from(error: DbError) -> Self {
        AskError::new("database", error.to_string())
    }
}

/// A registered [`AskHandler`] with its types erased.
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

/// Erases the types of an ask handler.
pub(crate) fn registered_ask(handler: impl AskHandler) -> Arc<dyn RegisteredAsk> {
    Arc::new(Registered(handler))
}
