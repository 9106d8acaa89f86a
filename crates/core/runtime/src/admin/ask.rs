//! Asks a worker on behalf of an operator.

use crate::worker::{ERROR_CODE, ERROR_TEXT};
use std::time::Duration;

use async_nats::Request;
use async_nats::client::RequestErrorKind;
use despatch_contracts::{Ask, ask_subject};
use prost::Message as _;

use crate::health::Health;
use crate::nats::{Broker, BrokerError, reach};

/// How long a worker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// An operator's connection to the workers of a deployment.
pub struct Operator {
    broker: Broker,
}

/// Why a worker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The connection failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// No process of the worker is running.
    #[error("expected an answer of worker {worker}, found no process of it; start `despatch run {worker}`")]
    NoWorker {
        /// The worker.
        worker: String,
    },
    /// The worker may have carried out the request, or not.
    #[error(
        "expected an answer of worker {worker} within {ANSWER_TIMEOUT:?}, found none; it may have done it all the same"
    )]
    NoAnswer {
        /// The worker.
        worker: String,
    },
    /// The worker refused.
    #[error("{message}")]
    Refused {
        /// See [`AskError::code`](crate::AskError::code).
        code: String,
        /// See [`AskError::message`](crate::AskError::message).
        message: String,
    },
    /// The answer cannot be decoded.
    #[error("expected a readable answer of worker {worker}: {why}; is it of another version?")]
    Unreadable {
        /// The worker.
        worker: String,
        /// The error of the decoder.
        why: String,
    },
}

impl Operator {
    /// Connects as the NATS user `operator`. `namespace` is the deployment's; empty for none.
    pub async fn connect(nats_url: &str, namespace: &str) -> Result<Self, OperatorError> {
        reach(nats_url).await?;
        Ok(Operator {
            broker: Broker::connect(nats_url, namespace, "operator", &Health::of_a_command()).await?,
        })
    }

    /// Sends a request to a worker and waits for the answer.
    pub async fn ask<A: Ask>(&self, worker: &str, ask: &A) -> Result<A::Reply, OperatorError> {
        let subject = self.broker.names().full(&ask_subject(worker, A::VERB));
        let request = Request::new().payload(ask.encode_to_vec().into()).timeout(Some(ANSWER_TIMEOUT));
        let answer = self.broker.client().send_request(subject, request).await;
        let answer = answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => OperatorError::NoWorker { worker: worker.to_owned() },
            _ => OperatorError::NoAnswer { worker: worker.to_owned() },
        })?;
        let header = |name| answer.headers.as_ref().and_then(|headers| headers.get(name));
        if let Some(code) = header(ERROR_CODE) {
            let message = header(ERROR_TEXT).map(ToString::to_string).unwrap_or_default();
            return Err(OperatorError::Refused { code: code.to_string(), message });
        }
        A::Reply::decode(answer.payload)
            .map_err(|error| OperatorError::Unreadable { worker: worker.to_owned(), why: error.to_string() })
    }
}
