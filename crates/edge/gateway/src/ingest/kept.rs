//! A webhook that is kept, because nobody can follow it yet: it cannot be read, only a person can act, or it is about money
//! of an order that is not here.

use std::time::SystemTime;

use bytes::Bytes;
use despatch_contracts::Emitted;
use despatch_contracts::order::WebhookKept;
use sha2::{Digest as _, Sha256};

use crate::sources::webhook::Platform;

/// The largest body that an event carries. It must pass through the broker twice, in an event and in a dead letter, whose
/// limit is 1 MiB unless configured otherwise.
const LARGEST_BODY: usize = 512 * 1024;

/// The longest topic that is kept, in characters.
const LONGEST_TOPIC: usize = 100;

/// A webhook to keep.
#[derive(Debug, Clone)]
pub(crate) struct KeptWebhook {
    pub(crate) shop: String,
    pub(crate) topic: String,
    pub(crate) digest: [u8; 32],
    pub(crate) body: Bytes,
    pub(crate) event: Emitted,
}

impl KeptWebhook {
    /// Keeps a webhook of this shop, and whether it is a test shop.
    pub(crate) fn new(
        platform: Platform,
        (shop, is_test_shop): (&str, bool),
        topic: &str,
        body: Bytes,
        now: SystemTime,
    ) -> Self {
        let topic: String = topic.chars().filter(|letter| !letter.is_control()).take(LONGEST_TOPIC).collect();
        let carried = if body.len() > LARGEST_BODY { &b""[..] } else { &body };
        let event = WebhookKept {
            shop: shop.to_owned(),
            channel: platform.name().to_owned(),
            topic: topic.clone(),
            body: String::from_utf8_lossy(carried).into_owned(),
            received_at: Some(now.into()),
            is_test_shop,
        };
        let digest = Sha256::digest(&body).into();
        KeptWebhook { shop: shop.to_owned(), topic, digest, body, event: Emitted::from(&event) }
    }
}
