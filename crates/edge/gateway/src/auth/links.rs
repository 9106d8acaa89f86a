//! The links in mails: the secrets that may have signed them.

use despatch_domain::link;

use super::secret::Secret;

/// The secret that signs links now, and former ones. Links in mails that were sent before a secret was replaced stay
/// valid.
pub(crate) struct LinkSecrets(Vec<Secret>);

impl LinkSecrets {
    pub(crate) fn new(current: &Secret, former: &[Secret]) -> Self {
        LinkSecrets(std::iter::once(current).chain(former).cloned().collect())
    }

    /// Returns whether one of the secrets signed the token for this purpose of this order.
    pub(crate) fn signed(&self, purpose: &str, order_id: &str, token: &str) -> bool {
        self.0.iter().any(|secret| link::verify(secret.bytes(), purpose, order_id, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_outlives_its_secret_until_that_is_removed() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let token = link::sign(old.bytes(), "review", "o-1");
        assert!(LinkSecrets::new(&old, &[]).signed("review", "o-1", &token));
        let rotated = LinkSecrets::new(&new, &[old]);
        assert!(rotated.signed("review", "o-1", &token));
        assert!(rotated.signed("review", "o-1", &link::sign(new.bytes(), "review", "o-1")));
        assert!(!rotated.signed("unsubscribe", "o-1", &token));
        assert!(!LinkSecrets::new(&new, &[]).signed("review", "o-1", &token));
    }
}
