//! Configuration: the sender of mail, the mail server, the signing of links.

use std::time::Duration;

use despatch_domain::link::{self, SecretTooShort};
use lettre::Address;
use lettre::message::Mailbox;
use reqwest::Url;
use serde::Deserialize;

use crate::alerts::{AlertError, Alerts};
use crate::mailer::Mailer;
use crate::smtp::UrlError;

/// The worker's part of the configuration file.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The shop's name, for its customers.
    pub shop_name: String,
    /// The sender of mail, e.g. `Quay Street Supplies <orders@example.com>`. Replies go there too.
    pub from: String,
    /// The part after the @ of every Message-ID. A change makes every message a new one.
    pub message_id_domain: String,
    /// The address at which customers reach the gateway, without a trailing slash.
    pub public_url: String,
    /// The mail server: `smtp://` or `smtps://` with user, password and port, `?tls=required` for STARTTLS. `fake:`
    /// accepts every message and keeps none, for benchmarks.
    pub smtp_url: String,
    /// The longest wait for a connection to the mail server, and for its answer to one command.
    pub smtp_timeout_seconds: u64,
    /// The secret that signs the links in mails, at least 32 bytes; shared with reviews and the gateway.
    pub link_secret: String,
    /// The webhook for operators' alerts, which accepts Slack's JSON. Empty for none.
    pub alert_webhook: String,
}

/// A defect of the configuration. Its message begins with the key and a colon.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Customers would not know whom mail is from.
    #[error("notifications.shop_name: expected the shop's name as its customers know it, found nothing")]
    ShopNameMissing,
    /// Not a mailbox.
    #[error("notifications.from: expected a mailbox such as North <orders@north.example>, found {0:?}")]
    From(String),
    /// Not a domain, so it cannot be part of a Message-ID.
    #[error("notifications.message_id_domain: expected a domain such as north.example, found {0:?}")]
    MessageIdDomain(String),
    /// Not a URL.
    #[error("notifications.public_url: {0}")]
    PublicUrl(String),
    /// Not an SMTP URL.
    #[error("notifications.smtp_url: {0}")]
    SmtpUrl(#[from] UrlError),
    /// With a short secret, anyone could sign links.
    #[error("notifications.link_secret: {0}")]
    LinkSecret(#[from] SecretTooShort),
    /// Not a usable webhook for alerts.
    #[error(transparent)]
    AlertWebhook(#[from] AlertError),
    /// A template cannot be parsed: a defect of the program.
    #[error("template: {0}")]
    Template(#[from] minijinja::Error),
}

impl Config {
    /// Lists all defects, each with its key.
    pub fn problems(&self) -> Vec<SetupError> {
        let shop_name = self.shop_name.trim().is_empty().then_some(SetupError::ShopNameMissing);
        let from = self.mailbox().err();
        let domain = &self.message_id_domain;
        // A Message-ID has the form of an address.
        let unusable = Address::new("id", domain).is_err() || !domain.is_ascii();
        let domain = unusable.then(|| SetupError::MessageIdDomain(domain.clone()));
        let public_url = if self.public_url.is_empty() {
            Some("expected the gateway's URL as customers reach it, found nothing".to_owned())
        } else {
            Url::parse(&self.public_url).err().map(|_| {
                format!("expected a URL such as https://orders.example.com, found {:?}", self.public_url)
            })
        };
        let public_url = public_url.map(SetupError::PublicUrl);
        let smtp_url = Mailer::new(&self.smtp_url, Duration::ZERO).err();
        let secret = link::check_secret(self.link_secret.as_bytes()).err().map(SetupError::from);
        let webhook = Alerts::new(&self.alert_webhook).err().map(SetupError::from);
        [shop_name, from, domain, public_url, smtp_url.map(SetupError::from), secret, webhook]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The mailbox that mail is from.
    pub(crate) fn mailbox(&self) -> Result<Mailbox, SetupError> {
        self.from.parse().map_err(|_| SetupError::From(self.from.clone()))
    }
}

/// Leaves out the secrets: the mail server's password, the links' secret and the webhook's address.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("shop_name", &self.shop_name)
            .field("from", &self.from)
            .field("message_id_domain", &self.message_id_domain)
            .field("public_url", &self.public_url)
            .field("smtp_timeout_seconds", &self.smtp_timeout_seconds)
            .finish_non_exhaustive()
    }
}
