//! Alerts to operators: a webhook that accepts Slack's JSON. Alerts never go to customers and never name one.

use std::time::Duration;

use despatch_domain::text::truncate;
use despatch_runtime::{ClientSpan, ProviderAnswer, ProviderCheck, ProviderFault};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// How long an alert may take. It is short, because people can look for themselves.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Slack's limits on a header and on a section.
const HEADER_LETTERS: usize = 150;
const FIELDS: usize = 10;
/// A field holds 2,000 letters, its name included, and escaping turns one letter into at most five.
const VALUE_LETTERS: usize = 380;

/// A notice to operators that something needs them now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// One line, e.g. `payments: 12 events dead in 5 minutes`.
    pub title: String,
    /// At most ten facts, each a name and a value. Without personal data.
    pub facts: Vec<(String, String)>,
}

/// The client of the alert webhook; cheap to clone.
#[derive(Clone)]
pub struct Alerts {
    http: Client,
    webhook: Url,
}

/// Why an alert was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The address is not a URL, or no client can be created. The address is a secret, so the error does not repeat it.
    #[error("notifications.alert_webhook: expected an http or https URL, found another text")]
    Webhook,
    /// The webhook is unreachable or did not answer in time.
    #[error("the alert webhook did not answer")]
    Unreachable(#[source] reqwest::Error),
    /// Status 429.
    #[error("the alert webhook accepts no more alerts for {0:?}")]
    Busy(Duration),
    /// Any other refusal.
    #[error("the alert webhook refused with {0}")]
    Refused(u16),
}

impl Alerts {
    /// Creates a client of this webhook. An empty address means that no alerts are wanted: `None`.
    pub fn new(webhook: &str) -> Result<Option<Self>, AlertError> {
        if webhook.is_empty() {
            return Ok(None);
        }
        let webhook = Url::parse(webhook).map_err(|_| AlertError::Webhook)?;
        // The first caller in the process wins; all callers install the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(TIMEOUT).build().map_err(|_| AlertError::Webhook)?;
        Ok(Some(Alerts { http, webhook }))
    }

    /// Posts an alert once. The caller decides what to do about an error.
    pub async fn post(&self, alert: &Alert) -> Result<(), AlertError> {
        // The path is the secret.
        let mut call = ClientSpan::http("POST", &self.webhook, "/{webhook}");
        let answer = self.http.post(self.webhook.clone()).json(&slack(alert)).send().await;
        let answer = answer.map_err(|error| {
            call.unanswered(error.is_timeout());
            AlertError::Unreachable(error.without_url())
        })?;
        call.answered(answer.status().as_u16());
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds =
                    answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Err(AlertError::Busy(Duration::from_secs(seconds.unwrap_or(1))))
            }
            status => Err(AlertError::Refused(status.as_u16())),
        }
    }
}

impl ProviderCheck for Alerts {
    const NAME: &'static str = "alerts webhook";
    const ADDRESS_KEY: &'static str = "alerts.webhook";
    const SECRET_KEY: &'static str = "alerts.webhook";

    /// Every post is an alert to somebody, so none is made: the host is connected to, and no more.
    async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
        let host = self.webhook.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.webhook.port_or_known_default().unwrap_or(443);
        match tokio::time::timeout(TIMEOUT, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => Ok(ProviderAnswer::Reached("its host is reached; nothing was posted".to_owned())),
            Ok(Err(error)) => Err(ProviderFault::unanswered(None, true, &error)),
            Err(_) => Err(ProviderFault::TimedOut(TIMEOUT)),
        }
    }
}

/// Leaves out the webhook's address, which is a secret.
impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts").finish_non_exhaustive()
    }
}

/// Returns the alert in Slack's JSON: `text` for notifications, `blocks` for the channel.
fn slack(alert: &Alert) -> Value {
    let field = |(name, value): &(String, String)| {
        let text = format!("*{}*\n{}", escaped(name), escaped(&truncate(value, VALUE_LETTERS)));
        json!({ "type": "mrkdwn", "text": text })
    };
    let header = json!({
        "type": "header",
        "text": { "type": "plain_text", "text": truncate(&alert.title, HEADER_LETTERS) }
    });
    let mut blocks = vec![header];
    if !alert.facts.is_empty() {
        let fields: Vec<Value> = alert.facts.iter().take(FIELDS).map(field).collect();
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    json!({ "text": escaped(&alert.title), "blocks": blocks })
}

/// Escapes the three letters that have a meaning for Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
