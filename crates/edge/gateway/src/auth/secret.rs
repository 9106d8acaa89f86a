//! Secrets: compared in constant time, and never printed.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// Text that only the gateway and one sender know.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Creates a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Secrets that a sender proves by sending them, such as API keys. There may be several, so that one can be replaced
/// without a gap.
#[derive(Clone)]
pub(crate) struct Passwords(Vec<[u8; 32]>);

impl Passwords {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Passwords(secrets.into_iter().map(|secret| digest(secret.bytes())).collect())
    }

    /// Returns whether the text is one of them. Digests are compared, which also hides the length of each secret.
    pub(crate) fn contain(&self, text: &str) -> bool {
        let said = digest(text.as_bytes());
        self.0.iter().fold(Choice::from(0), |found, secret| found | secret.ct_eq(&said)).into()
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_is_good_and_nothing_else() {
        let passwords = Passwords::new(&[Secret::new("old"), Secret::new("new")]);
        for good in ["old", "new"] {
            assert!(passwords.contain(good), "{good}");
        }
        for wrong in ["", "ol", "older", "OLD"] {
            assert!(!passwords.contain(wrong), "{wrong}");
        }
        assert!(!Passwords::new(&[]).contain(""));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
