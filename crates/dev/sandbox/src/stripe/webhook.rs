//! Events, as Stripe posts and signs them: <https://docs.stripe.com/webhooks>.

use axum::http::Uri;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::error::SandboxError;
use crate::webhooks;

/// The version in whose format the events' objects are.
const API_VERSION: &str = "2025-03-31.basil";

/// An event to post.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) object: Value,
}

impl Event {
    /// Returns the event in Stripe's format.
    pub(super) fn json(&self, id: &str, now: i64) -> Value {
        json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now,
            "data": { "object": self.object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.kind,
        })
    }
}

/// The gateway's address for events, and the secret that signs them.
#[derive(Clone, Debug)]
pub(crate) struct EventTarget {
    uri: Uri,
    secret: String,
}

impl EventTarget {
    /// Returns `<gateway_url>/webhooks/stripe`.
    pub(crate) fn new(gateway_url: &str, secret: &str) -> Result<Self, SandboxError> {
        let uri = webhooks::address(gateway_url, "stripe", None)?;
        Ok(Self { uri, secret: secret.to_owned() })
    }

    pub(super) fn uri(&self) -> Uri {
        self.uri.clone()
    }

    /// Returns the header `Stripe-Signature` of a body that is sent at `now`, in seconds since 1970.
    pub(super) fn signature(&self, body: &str, now: i64) -> String {
        let key = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes());
        let key = key.expect("HMAC takes keys of any length");
        let signed = key.chain_update(format!("{now}.{body}")).finalize().into_bytes();
        let hex = signed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("t={now},v1={hex}")
    }
}
