//! Stripe's signatures: an HMAC-SHA256 over the time and the body, in hexadecimal
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::secret::Secret;
use super::signature::Signers;

/// The largest difference between the time of a signature and ours. An older body may have been recorded and sent again.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The signing secrets of the endpoint: the old and the new one while a secret is rolled.
#[derive(Clone)]
pub(crate) struct StripeSigners(Signers);

impl StripeSigners {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        StripeSigners(Signers::new(secrets))
    }

    /// Returns whether one of the secrets signed the body at about this time. `header` is `Stripe-Signature`:
    /// `t=<seconds>,v1=<hex>`, perhaps with a signature for each secret.
    pub(crate) fn signed(&self, body: &[u8], header: &str, now: SystemTime) -> bool {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
        if !time.parse().is_ok_and(|seconds| is_near(seconds, now)) {
            return false;
        }
        let signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| decoded(hex));
        let signs = |signature: Vec<u8>| self.0.verify(&[time.as_bytes(), b".", body], &signature);
        signatures.fold(false, |signed, signature| signed | signs(signature))
    }
}

fn is_near(seconds: u64, now: SystemTime) -> bool {
    let Some(at) = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) else { return false };
    let apart = now.duration_since(at).unwrap_or_else(|early| early.duration());
    apart <= TOLERANCE
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    let digits = |at: usize| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (hex.len() == 64).then(|| (0..64).step_by(2).map(digits).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_test"}"#;
    const AT: u64 = 1_760_000_000;
    // hmac.new(b"whsec_test", b"1760000000." + body, "sha256").hexdigest(), by Python.
    const SIGNATURE: &str = "536afbdd8f3b3b1aad057c2339406a4e64ed2eaea51a031c1f78c830ff75c0dd";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_signature_is_the_one_that_stripe_computes() {
        let signers = StripeSigners::new(&[Secret::new("whsec_old"), Secret::new("whsec_test")]);
        let header = format!("t={AT},v1={SIGNATURE},v0=00");
        assert!(signers.signed(BODY, &header, at(AT)));
        let rolled = format!("t={AT},v1={},v1={SIGNATURE}", "0".repeat(64));
        assert!(signers.signed(BODY, &rolled, at(AT)));
        assert!(!StripeSigners::new(&[]).signed(BODY, &header, at(AT)));
        assert!(!signers.signed(b"{}", &header, at(AT)));
    }

    #[test]
    fn a_signature_holds_for_five_minutes_of_its_time() {
        let signers = StripeSigners::new(&[Secret::new("whsec_test")]);
        let header = format!("t={AT},v1={SIGNATURE}");
        for (now, holds) in [(AT + 300, true), (AT - 300, true), (AT + 301, false), (AT - 301, false)] {
            assert_eq!(signers.signed(BODY, &header, at(now)), holds, "{now}");
        }
        let later = format!("t={},v1={SIGNATURE}", AT + 1);
        assert!(!signers.signed(BODY, &later, at(AT)));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let signers = StripeSigners::new(&[Secret::new("whsec_test")]);
        for wrong in [
            "",
            "t=,v1=",
            &format!("v1={SIGNATURE}"),
            &format!("t={AT}"),
            &format!("t={AT},v0={SIGNATURE}"),
            &format!("t={AT},v1={}", &SIGNATURE[..62]),
            &format!("t=x,v1={SIGNATURE}"),
            &format!("t={},v1={SIGNATURE}", u64::MAX),
            &format!("t={AT},v1={}é", &SIGNATURE[..62]),
        ] {
            assert!(!signers.signed(BODY, wrong, at(AT)), "{wrong}");
        }
    }
}
