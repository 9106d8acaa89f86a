//! Alerts to operators: a webhook that takes Slack's JSON. Never to customers, and never about one by name.

use std::time::Duration;

use despatch_domain::text::truncate;
use despatch_runtime::ClientSpan;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

/// How long an alert may take: it is for people, who can look for themselves.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Slack's limits on a header and on a section.
const HEADER_LETTERS: usize = 150;
const FIELDS: usize = 10;
/// A field holds 2,000 letters, its name included, and escaping makes up to five of one.
const VALUE_LETTERS: usize = 380;

/// Something that operators should know of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// In one line, e.g. `payments: 12 events dead in 5 minutes`.
    pub title: String,
    /// What to know about it: name and value, ten at most. Without personal data.
    pub facts: Vec<(String, String)>,
}

/// Where alerts go; cheap to clone.
#[derive(Clone)]
pub struct Alerts {
    http: Client,
    webhook: Url,
}

/// Why an alert was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The address is not a URL, or the client could not be made. The address is a secret, so it is not repeated.
    #[error("notifications.alert_webhook: expected a URL such as https://hooks.slack.com/…")]
    Webhook,
    /// Not reached, or no answer in time.
    #[error("the alert webhook did not answer")]
    Unreachable(#[source] reqwest::Error),
    /// 429.
    #[error("the alert webhook asks for fewer alerts; again in {0:?}")]
    Busy(Duration),
    /// Any other refusal.
    #[error("the alert webhook refused with {0}")]
    Refused(u16),
}

impl Alerts {
    /// Alerts to this webhook; `None` when it is empty: no alerts are wanted.
    pub fn new(webhook: &str) -> Result<Option<Self>, AlertError> {
        if webhook.is_empty() {
            return Ok(None);
        }
        let webhook = Url::parse(webhook).map_err(|_| AlertError::Webhook)?;
        // The first caller in the process wins; all of them ask for the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(TIMEOUT).build().map_err(|_| AlertError::Webhook)?;
        Ok(Some(Alerts { http, webhook }))
    }

    /// Posts an alert, once. What to do about an error is the caller's to decide.
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

/// Without the webhook, which is a secret.
impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts").finish_non_exhaustive()
    }
}

/// The alert in Slack's JSON: `text` for notifications, `blocks` for the channel.
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

/// Slack gives these three letters a meaning.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
