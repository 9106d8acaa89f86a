//! Stand-ins for providers that are not configured: the sandbox's, or placeholders that reach nobody.

use super::file::Config;

/// The URLs of what stands in for providers.
pub(crate) struct StandIns {
    pub(crate) stripe: String,
    pub(crate) shippo: String,
    pub(crate) smtp: String,
}

impl StandIns {
    /// The providers that are not configured.
    #[cfg(feature = "local")]
    pub(crate) fn needed(config: &Config) -> Vec<&'static str> {
        [("Stripe", &config.stripe.base_url), ("Shippo", &config.shippo.base_url), ("mail", &config.smtp.url)]
            .into_iter()
            .filter(|(_, url)| url.is_empty())
            .map(|(name, _)| name)
            .collect()
    }

    /// Whether any provider is not configured.
    #[cfg(feature = "local")]
    pub(crate) fn are_needed(config: &Config) -> bool {
        !StandIns::needed(config).is_empty()
    }

    /// Puts a stand-in in the place of each provider that is not configured.
    pub(crate) fn fill_in(&self, config: &mut Config) {
        if config.stripe.base_url.is_empty() {
            config.stripe.base_url.clone_from(&self.stripe);
            "sk_test_sandbox".clone_into(&mut config.stripe.secret_key);
        }
        if config.shippo.base_url.is_empty() {
            config.shippo.base_url.clone_from(&self.shippo);
            "shippo_test_sandbox".clone_into(&mut config.shippo.token);
            // A sandbox on this machine is done with a request when its connection ends.
            config.shippo.settle_seconds = config.shippo.settle_seconds.min(1);
        }
        if config.smtp.url.is_empty() {
            config.smtp.url.clone_from(&self.smtp);
        }
    }
}

/// Fills in what a local deployment would, for commands that need to know the workers but run none.
pub(crate) fn fill_in_placeholders(config: &mut Config) {
    let unreachable = StandIns {
        stripe: "http://sandbox.invalid".into(),
        shippo: "http://sandbox.invalid".into(),
        smtp: "smtp://sandbox.invalid:25".into(),
    };
    unreachable.fill_in(config);
    for (value, placeholder) in
        [(&mut config.links.secret, "signs nothing"), (&mut config.shop.public_url, "http://gateway.invalid")]
    {
        if value.is_empty() {
            placeholder.clone_into(value);
        }
    }
    config.gateway.api_keys.push("opens nothing".into());
}
