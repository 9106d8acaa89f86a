//! Webhooks that despatch does not follow: a count by shop, and a log line with the topic.

use std::sync::LazyLock;

use despatch_domain::text::truncate;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

static IGNORED: LazyLock<Counter<u64>> =
    LazyLock::new(|| global::meter("despatch").u64_counter("despatch.webhooks_ignored").build());

/// The longest logged topic, in characters.
const LONGEST_TOPIC: usize = 100;

/// Logs and counts a signed webhook that says nothing. A metric's label never holds a sender's text.
pub(crate) fn note(channel: &'static str, shop: &str, topic: &str) {
    IGNORED.add(1, &[KeyValue::new("channel", channel), KeyValue::new("shop", shop.to_owned())]);
    tracing::info!(channel, shop, topic = %truncate(topic, LONGEST_TOPIC), "webhook ignored");
}
