//! Asks a worker on behalf of an operator.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use despatch_contracts::{Ask, ask_subject};
use futures_util::StreamExt as _;
use prost::Message as _;
use tokio::time::timeout;

use crate::health::Health;
use crate::nats::{Broker, BrokerError, reach};
use crate::worker::{ERROR_CODE, ERROR_TEXT, RECEIPT};

/// How long a worker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a worker may take to say that it has a request. A request that reached a process just before it ended is lost.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(2);

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

    /// Sends a request to a worker and waits for the answer. Sends it again if no process says that it has it.
    pub async fn ask<A: Ask>(&self, worker: &str, ask: &A) -> Result<A::Reply, OperatorError> {
        let no_answer = || OperatorError::NoAnswer { worker: worker.to_owned() };
        let subject = self.broker.names().full(&ask_subject(worker, A::VERB));
        let asked = self.send(&subject, ask.encode_to_vec().into());
        let answer = timeout(ANSWER_TIMEOUT, asked).await.ok().flatten().ok_or_else(no_answer)?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(OperatorError::NoWorker { worker: worker.to_owned() });
        }
        if let Some(code) = header(&answer, ERROR_CODE) {
            let message = header(&answer, ERROR_TEXT).unwrap_or_default();
            return Err(OperatorError::Refused { code, message });
        }
        A::Reply::decode(answer.payload)
            .map_err(|error| OperatorError::Unreadable { worker: worker.to_owned(), why: error.to_string() })
    }

    /// Returns the answer; `None` if the connection is closed.
    async fn send(&self, subject: &str, payload: Bytes) -> Option<Message> {
        let client = self.broker.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.ok()?;
        loop {
            client.publish_with_reply(subject.to_owned(), inbox.clone(), payload.clone()).await.ok()?;
            let Ok(message) = timeout(RECEIPT_TIMEOUT, answers.next()).await else { continue };
            let mut message = message?;
            // A slow process may have it from an earlier time, and say so after another.
            while header(&message, RECEIPT).is_some() {
                message = answers.next().await?;
            }
            return Some(message);
        }
    }
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.as_ref()?.get(name).map(ToString::to_string)
}
