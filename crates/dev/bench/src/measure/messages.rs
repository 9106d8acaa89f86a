//! The messages on the stream.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use despatch_contracts::runtime::Envelope;
use futures_util::StreamExt as _;

use crate::result::Result;

/// A stored message.
pub(crate) struct StoredMessage {
    /// Its sequence in the stream.
    pub(crate) sequence: u64,
    pub(crate) envelope: Envelope,
}

impl StoredMessage {
    /// Returns the worker that published it. A follow-on's source is its handler, `<worker>.<verb>`.
    pub(crate) fn worker(&self) -> &str {
        self.envelope.source.split('.').next().unwrap_or_default()
    }
}

/// Returns the sequence of the last message.
pub(crate) async fn last_sequence(jetstream: &Context, stream: &str) -> Result<u64> {
    Ok(jetstream.get_stream(stream).await?.cached_info().state.last_sequence)
}

/// Reads every message of a namespace's stream, oldest first.
pub(crate) async fn read(jetstream: &Context, stream: &str, namespace: &str) -> Result<Vec<StoredMessage>> {
    let stream = jetstream.get_stream(stream).await?;
    let expected = usize::try_from(stream.cached_info().state.messages)?;
    let config = pull::OrderedConfig { deliver_policy: DeliverPolicy::All, ..pull::OrderedConfig::default() };
    let mut messages = stream.create_consumer(config).await?.messages().await?.take(expected);
    let prefix = format!("{namespace}.");
    let mut stored = Vec::with_capacity(expected);
    while let Some(message) = messages.next().await {
        let message = message?;
        let sequence = message.info()?.stream_sequence;
        let subject = message.subject.strip_prefix(&prefix).ok_or("a message of another namespace")?;
        let headers = message.headers.clone().unwrap_or_default();
        let envelope = Envelope::read(subject, &headers, message.payload.clone())?;
        stored.push(StoredMessage { sequence, envelope });
    }
    Ok(stored)
}
