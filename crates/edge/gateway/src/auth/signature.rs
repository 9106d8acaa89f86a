//! The shops' signatures: base64 of an HMAC-SHA256 over the unchanged body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;

use crate::auth::secret::Secret;

/// The signing secrets of one shop. There may be several, so that one can be replaced without losing a webhook.
#[derive(Clone)]
pub(crate) struct Signers(Vec<Hmac<Sha256>>);

impl Signers {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        Signers(secrets.iter().map(|secret| keyed(secret.bytes())).collect())
    }

    /// Returns whether one of the secrets signed the body.
    pub(crate) fn signed(&self, body: &[u8], signature: &str) -> bool {
        STANDARD.decode(signature).is_ok_and(|signature| self.verify(&[body], &signature))
    }

    /// Returns whether one of the secrets signed these parts, one after the other. Takes the same time for each secret, and
    /// wherever a wrong signature differs.
    pub(crate) fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let matches = |key: &Hmac<Sha256>| {
            let signed = parts.iter().fold(key.clone(), Mac::chain_update);
            signed.verify_slice(signature).is_ok()
        };
        self.0.iter().fold(false, |signed, key| signed | matches(key))
    }
}

/// Signs a body.
#[cfg(test)]
pub(crate) fn sign(secret: &Secret, body: &[u8]) -> String {
    STANDARD.encode(keyed(secret.bytes()).chain_update(body).finalize().into_bytes())
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    // HMAC hashes keys longer than a block and pads shorter ones, so every length is accepted.
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_secret_both_sign() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let signers = Signers::new(&[old.clone(), new.clone()]);
        for secret in [&old, &new] {
            assert!(signers.signed(b"{}", &sign(secret, b"{}")));
        }
        assert!(!signers.signed(b"{}", &sign(&Secret::new("other"), b"{}")));
        assert!(!signers.signed(b"{} ", &sign(&old, b"{}")));
    }

    #[test]
    fn the_signature_is_the_one_that_shops_compute() {
        // RFC 4231, test case 2, in base64.
        let signers = Signers::new(&[Secret::new("Jefe")]);
        let signature = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert!(signers.signed(b"what do ya want for nothing?", signature));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let signers = Signers::new(&[Secret::new("old")]);
        let good = sign(&Secret::new("old"), b"{}");
        for wrong in ["", "====", "not base64!", &good[..good.len() - 4], &good.to_lowercase()] {
            assert!(!signers.signed(b"{}", wrong), "{wrong:?}");
        }
        assert!(!Signers::new(&[]).signed(b"{}", &good));
    }
}
