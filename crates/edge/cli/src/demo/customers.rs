//! The demo's customers: they read their mail at the sandbox and answer the review that it asks for.
//!
//! Most answer the first mail, one in fifty only the reminder. The link is taken from the mail as it arrived, so the
//! whole way is real: template, encoding, signature, gateway.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use mail_parser::MessageParser;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// How many answer at once.
const AT_ONCE: usize = 32;

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

/// Answers until the mailbox cannot be read any more; then says why.
pub async fn answer(control_url: String, gateway_url: String) -> reqwest::Error {
    let client = Client::new();
    let mut after = 0;
    loop {
        let listing = async {
            let url = format!("{control_url}/mail?after={after}&limit=500");
            client.get(url).send().await?.error_for_status()?.json::<Listing>().await
        };
        let listing = match listing.await {
            Ok(listing) => listing,
            Err(error) => return error,
        };
        after = listing.next;
        let asks: Vec<(u64, u8)> =
            listing.mails.iter().filter_map(|mail| Some((mail.seq, mood(mail)?))).collect();
        let answers = stream::iter(asks)
            .map(|(seq, stars)| review(&client, &control_url, &gateway_url, seq, stars))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>();
        for outcome in answers.await {
            if let Err(error) = outcome {
                // The gateway may be away for a moment; the reminder asks again.
                tracing::warn!(%error, "a customer could not answer");
            }
        }
        if listing.mails.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// How many stars a mail is answered with, if it is one that is answered. By the order's id, so every run is alike.
fn mood(mail: &Mail) -> Option<u8> {
    let is_review = mail.message_id.starts_with("review");
    let order: u32 = mail.message_id.bytes().filter(u8::is_ascii_hexdigit).map(u32::from).sum();
    let waits_for_reminder = order.is_multiple_of(50) && mail.message_id.starts_with("review.");
    (is_review && !waits_for_reminder).then_some(u8::try_from(order % 5).unwrap_or(4) + 1)
}

async fn review(
    client: &Client,
    control_url: &str,
    gateway_url: &str,
    seq: u64,
    stars: u8,
) -> Result<(), reqwest::Error> {
    let raw =
        client.get(format!("{control_url}/mail/{seq}")).send().await?.error_for_status()?.bytes().await?;
    let text = MessageParser::default().parse(&raw).and_then(|mail| Some(mail.body_text(0)?.into_owned()));
    let Some(path) = text.as_deref().and_then(link) else { return Ok(()) };
    // A site that was started again may have another port than the one the mail names.
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

/// The path of the review link in a mail's text.
fn link(text: &str) -> Option<&str> {
    let start = text.find("/reviews/")?;
    let path = &text[start..];
    Some(&path[..path.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(path.len())])
}
