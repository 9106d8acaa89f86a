//! Stand-ins for providers: the sandbox's in the place of those that are not configured, or placeholders that reach
//! nobody.

use despatch_payments::ProviderName;
use despatch_routing::Carrier;
use url::{Host, Url};

use super::file::Config;

/// The mail server that takes no mail.
const FAKE_MAIL: &str = "fake:";

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

    /// Puts a stand-in in the place of each provider that is not configured. Where there is one, customers are the
    /// demo's, and so is the shop that nobody configured.
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
        config.fill_in_identity();
    }
}

impl Config {
    /// Whether every provider is a stand-in: on this machine, or none at all. A provider that is not configured is no stand-in, because a
    /// process may have the keys of its own workers alone.
    pub(crate) fn has_only_stand_ins(&self) -> bool {
        let takes_no_money = self.payments.provider == ProviderName::Fake;
        let buys_no_labels = self.labels.rules.iter().all(|rule| rule.carrier == Carrier::Own);
        (takes_no_money || is_on_this_machine(&self.stripe.base_url))
            && (buys_no_labels || is_on_this_machine(&self.shippo.base_url))
            && (self.smtp.url == FAKE_MAIL || is_on_this_machine(&self.smtp.url))
    }
}

fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // A scheme that is not the web's leaves addresses as they are written.
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
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
    for (value, placeholder) in [
        (&mut config.links.secret, "signs nothing: a placeholder that is long enough"),
        (&mut config.shop.public_url, "http://gateway.invalid"),
        (&mut config.stripe.secret_key, "pays nothing"),
        (&mut config.shippo.token, "buys nothing"),
    ] {
        if value.is_empty() {
            placeholder.clone_into(value);
        }
    }
    config.gateway.api_keys.push("opens nothing".into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_over_the_sandbox_alone_reaches_nobody() {
        let mut config = Config::defaults();
        assert!(!config.has_only_stand_ins(), "what is not configured is no stand-in");
        config.stripe.base_url = "http://127.0.0.1:9001".into();
        config.shippo.base_url = "http://localhost:9002".into();
        config.smtp.url = "smtp://127.0.0.1:9025".into();
        assert!(config.has_only_stand_ins());
        config.smtp.url = "smtp://[::1]:9025".into();
        assert!(config.has_only_stand_ins());
        config.smtp.url = "fake:".into();
        assert!(config.has_only_stand_ins());
        for real in ["smtps://mail.example.com", "smtp://sandbox:9025", "smtp://127.0.0.1.example.com", ""] {
            config.smtp.url = real.into();
            assert!(!config.has_only_stand_ins(), "{real:?}");
        }
    }
}
