//! The customers: they read their mail at the sandbox and answer its review requests.
//!
//! Most answer the first mail, one in fifty only the reminder. Of one order in sixteen the shop gives a part of the money back
//! once a parcel arrived. They take the link from the mail as it arrived, so the
//! whole way is real: template, encoding, signature, gateway.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, TryStreamExt as _};
use mail_parser::MessageParser;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// Customers that answer at the same time.
const AT_ONCE: usize = 64;

/// Wait before the mailbox is read again if it had no new mail.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Listing {
    mails: Vec<Mail>,
    next: u64,
}

#[derive(Deserialize)]
struct Mail {
    seq: u64,
    message_id: String,
}

/// Whether customers change their minds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Minds {
    /// No customer cancels.
    Made,
    /// One in eight cancels once the order is accepted, whatever has happened to it by then.
    Changing,
}

/// Answers mails until the mailbox can no longer be read, and returns the reason.
pub async fn answer_mails(
    control_url: String,
    gateway_url: String,
    api_key: String,
    minds: Minds,
) -> Result<(), reqwest::Error> {
    let customers = Arc::new(Customers { client: Client::new(), control_url, gateway_url, api_key, minds });
    let reader = customers.clone();
    let mails = stream::try_unfold(0, move |after| reader.clone().listed(after)).try_flatten();
    let answers = mails.try_for_each_concurrent(AT_ONCE, |mail| customers.clone().read(mail));
    answers.await
}

/// The shared state of the customers.
struct Customers {
    client: Client,
    control_url: String,
    gateway_url: String,
    api_key: String,
    minds: Minds,
}

impl Customers {
    /// Returns the mails after a number, and the number to continue from.
    async fn listed(self: Arc<Self>, after: u64) -> Result<Option<(Mails, u64)>, reqwest::Error> {
        let url = format!("{}/mail?after={after}&limit=500", self.control_url);
        loop {
            let listing: Listing = self.client.get(&url).send().await?.error_for_status()?.json().await?;
            if !listing.mails.is_empty() {
                return Ok(Some((
                    stream::iter(listing.mails.into_iter().map(Ok as fn(_) -> _)),
                    listing.next,
                )));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn read(self: Arc<Self>, mail: Mail) -> Result<(), reqwest::Error> {
        if let Some(stars) = stars_for(&mail)
            && let Err(error) = self.review(mail.seq, stars).await
        {
            // The gateway may be unreachable for a moment; the reminder asks again.
            tracing::warn!(%error, "customer answer failed");
        }
        if let Some(order_id) = complaint(&mail)
            && let Err(error) = self.refund(order_id).await
        {
            tracing::warn!(%error, "refund not asked for");
        }
        if self.minds == Minds::Changing
            && let Some((order_id, after)) = second_thought(&mail)
        {
            tokio::time::sleep(after).await;
            if let Err(error) = self.cancel(order_id).await {
                tracing::warn!(%error, "cancellation not asked for");
            }
        }
        Ok(())
    }

    /// Asks for a refund that the customer was promised, as the shop's support does.
    async fn refund(&self, order_id: &str) -> Result<(), reqwest::Error> {
        let refund = json!({
            "refund_id": "late-parcel", "amount": "1.00", "currency": "USD", "requested_by": "operator",
            "reason": "the parcel was late",
        });
        let url = format!("{}/v1/orders/{order_id}/refunds", self.gateway_url);
        self.client.post(url).bearer_auth(&self.api_key).json(&refund).send().await?.error_for_status()?;
        Ok(())
    }

    /// Asks for the order to be cancelled. It may be too late.
    async fn cancel(&self, order_id: &str) -> Result<(), reqwest::Error> {
        let url = format!("{}/v1/orders/{order_id}/cancel", self.gateway_url);
        let cancel = json!({ "requested_by": "customer" });
        self.client.post(url).bearer_auth(&self.api_key).json(&cancel).send().await?.error_for_status()?;
        Ok(())
    }

    async fn review(&self, seq: u64, stars: u8) -> Result<(), reqwest::Error> {
        let Customers { client, control_url, gateway_url, .. } = self;
        let raw =
            client.get(format!("{control_url}/mail/{seq}")).send().await?.error_for_status()?.bytes().await?;
        let text =
            MessageParser::default().parse(&raw).and_then(|mail| Some(mail.body_text(0)?.into_owned()));
        let Some(path) = text.as_deref().and_then(link) else { return Ok(()) };
        // A restarted deployment may have another port than the one in the mail.
        let answer = client
            .post(format!("{gateway_url}{path}"))
            .json(&json!({ "rating": stars, "comment": "" }))
            .send()
            .await?;
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            answer.error_for_status()?;
        }
        Ok(())
    }
}

type Mails = stream::Iter<std::iter::Map<std::vec::IntoIter<Mail>, fn(Mail) -> Result<Mail, reqwest::Error>>>;

/// Returns the stars of the answer to a mail, if it is one that is answered. They follow from the order's id, so every
/// run is alike.
fn stars_for(mail: &Mail) -> Option<u8> {
    let is_review = mail.message_id.starts_with("review");
    let order: u32 = mail.message_id.bytes().filter(u8::is_ascii_hexdigit).map(u32::from).sum();
    let waits_for_reminder = order.is_multiple_of(50) && mail.message_id.starts_with("review.");
    (is_review && !waits_for_reminder).then_some(u8::try_from(order % 5).unwrap_or(4) + 1)
}

/// Returns the order that its customer does not want any more, if the mail is about its acceptance: one in eight. Also
/// returns how long the customer thinks about it, so that some cancel before the label is bought and some after it.
fn second_thought(mail: &Mail) -> Option<(&str, Duration)> {
    let order_id = mail.message_id.strip_prefix("accepted.")?.split('.').next()?;
    let number: u32 = order_id.bytes().filter(u8::is_ascii_hexdigit).map(u32::from).sum();
    (number % 8 == 5).then_some((order_id, Duration::from_millis(u64::from(number / 8 % 16) * 50)))
}

/// Returns the order whose parcel came late by the customer's word, if the mail is about an arrival: one in sixteen.
fn complaint(mail: &Mail) -> Option<&str> {
    let order_id = mail.message_id.strip_prefix("delivered.")?.split('.').next()?;
    let number: u32 = order_id.bytes().filter(u8::is_ascii_hexdigit).map(u32::from).sum();
    number.is_multiple_of(16).then_some(order_id)
}

/// Returns the path of the review link in a mail's text.
fn link(text: &str) -> Option<&str> {
    let start = text.find("/reviews/")?;
    let path = &text[start..];
    Some(&path[..path.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(path.len())])
}
