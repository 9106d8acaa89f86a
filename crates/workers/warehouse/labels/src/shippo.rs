//! Shippo, which buys labels from many carriers through one interface.
//!
//! Its purchases accept no idempotency key: the same request twice is two labels. So every purchase carries our own
//! reference as metadata, and a second try looks for it before it buys. Shippo's list can be filtered by rate but not
//! by metadata. So the rate is noted before the first try, and later tries buy the same one.

mod config;
mod error;
mod health;
mod wire;

use std::time::Duration;

use despatch_contracts::order::Address;
use despatch_routing::{Package, Rate};
use despatch_runtime::ClientSpan;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

pub use config::{ShippoConfig, UnusableClient};
pub(crate) use error::ShippoError;
use wire::{
    ListAnswer, RateAnswer, RefundAnswer, RefundRequest, RefundStatus, ShipmentAnswer, ShipmentRequest,
    Status, TransactionAnswer, TransactionRequest, said,
};

/// The longest page of the list: far more than the tries at one rate.
const PAGE: &str = "100";
/// Largest accepted document, in bytes: more than any carrier's label in PDF.
const LARGEST_DOCUMENT: usize = 1 << 20;
/// Most characters of an answer that an error repeats.
const LARGEST_QUOTE: usize = 500;
/// How long to wait after a 429 that does not say.
const DEFAULT_PAUSE: Duration = Duration::from_secs(2);

/// A bought label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purchase {
    /// Shippo's id of the purchase.
    pub transaction: String,
    /// The carrier's tracking number.
    pub tracking_number: String,
    /// The address of the document.
    pub label_url: String,
}

/// The carrier's word about a label that it was asked to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voiding {
    /// It was taken back: its postage is not paid for.
    Done,
    /// The carrier decides later.
    Pending,
    /// It was not, and will not be.
    Refused,
}

/// A parcel to ask prices for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Consignment<'a> {
    /// The parcel's reference, at most 100 characters.
    pub reference: &'a str,
    /// The sender.
    pub from: &'a Address,
    /// The recipient.
    pub to: &'a Address,
    /// The weight and the sides.
    pub package: &'a Package,
}

/// A client of Shippo; cheap to clone. Its connections are kept.
#[derive(Debug, Clone)]
pub(crate) struct Shippo {
    http: Client,
    base_url: String,
    authorization: HeaderValue,
    timeout: Duration,
    /// Whether the token is of the test mode.
    is_test: bool,
}

impl Shippo {
    /// Creates a client. It asks nothing yet.
    pub(crate) fn new(config: &ShippoConfig) -> Result<Self, UnusableClient> {
        // The first caller in the process wins; all callers install the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let timeout = Duration::from_secs(config.timeout_seconds);
        let http = Client::builder().timeout(timeout).build()?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Url::parse(&base_url).map_err(|error| UnusableClient::BaseUrl(error.to_string()))?;
        let authorization = HeaderValue::from_str(&format!("ShippoToken {}", config.token));
        let mut authorization = authorization.map_err(|_| UnusableClient::Token)?;
        authorization.set_sensitive(true);
        let is_test = config.token.starts_with("shippo_test_");
        Ok(Shippo { http, base_url, authorization, timeout, is_test })
    }

    /// Asks for the carriers' prices, without obligation.
    pub(crate) async fn rates(&self, consignment: &Consignment<'_>) -> Result<Vec<Rate>, ShippoError> {
        let &Consignment { reference, from, to, package } = consignment;
        let request = ShipmentRequest {
            address_from: from.into(),
            address_to: to.into(),
            parcels: [package.into()],
            metadata: reference,
            asynchronous: false,
        };
        let request = self.http.post(self.url("shipments/")).json(&request);
        let answer: ShipmentAnswer = self.ask("/shipments/", request).await?;
        if answer.rates.is_empty() && !answer.messages.is_empty() {
            return Err(ShippoError::Refused(said(&answer.messages)));
        }
        answer.rates.into_iter().map(RateAnswer::rate).collect()
    }

    /// Returns a rate that was offered to an earlier try.
    pub(crate) async fn rate(&self, id: &str) -> Result<Rate, ShippoError> {
        let request = self.http.get(self.url(&format!("rates/{id}")));
        let answer: RateAnswer = self.ask("/rates/{rate}", request).await?;
        answer.rate()
    }

    /// Buys a label. Asked twice, it buys two.
    pub(crate) async fn buy(&self, rate_id: &str, reference: &str) -> Result<Purchase, ShippoError> {
        let request = TransactionRequest {
            rate: rate_id,
            label_file_type: "PDF_4x6",
            metadata: reference,
            asynchronous: false,
        };
        let request = self.http.post(self.url("transactions/")).json(&request);
        let answer: TransactionAnswer = self.ask("/transactions/", request).await?;
        match answer.status {
            Status::Success => Purchase::read(answer),
            Status::Waiting | Status::Queued => Err(ShippoError::Pending(answer.object_id)),
            Status::Error | Status::Refunded | Status::RefundPending | Status::RefundRejected => {
                Err(ShippoError::Refused(said(&answer.messages)))
            }
        }
    }

    /// Returns the label that an earlier try bought at this rate under our reference, if it did.
    pub(crate) async fn find(&self, rate_id: &str, reference: &str) -> Result<Option<Purchase>, ShippoError> {
        let query = [("rate", rate_id), ("results", PAGE)];
        let request = self.http.get(self.url("transactions/")).query(&query);
        let list: ListAnswer = self.ask("/transactions/", request).await?;
        for answer in list.results.into_iter().filter(|answer| answer.metadata == reference) {
            match answer.status {
                Status::Success => return Purchase::read(answer).map(Some),
                Status::Waiting | Status::Queued => return Err(ShippoError::Pending(answer.object_id)),
                // Refused or refunded: there is no label.
                Status::Error | Status::Refunded | Status::RefundPending | Status::RefundRejected => {}
            }
        }
        Ok(None)
    }

    /// Asks for a label to be taken back. The carrier does so unless it has scanned it, or it is too old.
    pub(crate) async fn void(&self, transaction: &str) -> Result<Voiding, ShippoError> {
        let request = RefundRequest { transaction, asynchronous: false };
        let request = self.http.post(self.url("refunds/")).json(&request);
        let answer: RefundAnswer = self.ask("/refunds/", request).await?;
        Ok(match answer.status {
            RefundStatus::Success => Voiding::Done,
            RefundStatus::Queued | RefundStatus::Pending => Voiding::Pending,
            RefundStatus::Error => Voiding::Refused,
        })
    }

    /// Returns the carrier's word about a label that an earlier try asked about; `None` if nobody asked.
    pub(crate) async fn voiding(&self, transaction: &str) -> Result<Option<Voiding>, ShippoError> {
        let request = self.http.get(self.url(&format!("transactions/{transaction}")));
        let answer: TransactionAnswer = self.ask("/transactions/{transaction}", request).await?;
        Ok(match answer.status {
            Status::Refunded => Some(Voiding::Done),
            Status::RefundPending => Some(Voiding::Pending),
            Status::RefundRejected => Some(Voiding::Refused),
            Status::Success | Status::Waiting | Status::Queued | Status::Error => None,
        })
    }

    /// Fetches the label, a PDF. It is at a third party, who must not see our token and so cannot refuse it.
    pub(crate) async fn document(&self, label_url: &str) -> Result<Vec<u8>, ShippoError> {
        // The path is a secret: it alone opens the label.
        let fetched = self.exchange("/{document}", self.http.get(label_url), async |mut response| {
            let mut document = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if document.len() + chunk.len() > LARGEST_DOCUMENT {
                    return Err(ShippoError::Unreadable(
                        "expected a label of at most 1 MiB, found a larger one".to_owned(),
                    ));
                }
                document.extend_from_slice(&chunk);
            }
            if !document.starts_with(b"%PDF-") {
                return Err(ShippoError::Unreadable(
                    "expected a label in PDF, found another format".to_owned(),
                ));
            }
            Ok(document)
        });
        match fetched.await {
            Err(ShippoError::Unauthorised(status)) => {
                Err(ShippoError::Unavailable { status, body: "the label's document is refused".to_owned() })
            }
            fetched => fetched,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        template: &'static str,
        request: RequestBuilder,
    ) -> Result<T, ShippoError> {
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        self.exchange(template, request, async |response| match response.json().await {
            Ok(answer) => Ok(answer),
            Err(error) if error.is_decode() => Err(ShippoError::Unreadable(error.to_string())),
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// Sends a request and reads a successful answer. `template` is the path as its span shows it.
    async fn exchange<T>(
        &self,
        template: &'static str,
        request: RequestBuilder,
        read: impl AsyncFnOnce(Response) -> Result<T, ShippoError>,
    ) -> Result<T, ShippoError> {
        let request = request.build()?;
        let mut call = ClientSpan::http(request.method().as_str(), request.url(), template);
        let exchanged = async {
            let response = self.http.execute(request).await?;
            call.answered(response.status().as_u16());
            read(settled(response).await?).await
        };
        let exchanged = exchanged.await;
        if let Err(ShippoError::Unreachable(error)) = &exchanged {
            call.unanswered(error.is_timeout());
        }
        exchanged
    }
}

impl Purchase {
    fn read(answer: TransactionAnswer) -> Result<Self, ShippoError> {
        match (answer.tracking_number, answer.label_url) {
            (Some(tracking_number), Some(label_url)) if !tracking_number.is_empty() => {
                Ok(Purchase { transaction: answer.object_id, tracking_number, label_url })
            }
            _ => Err(ShippoError::Unreadable(format!(
                "transaction {}: expected a label, found none",
                answer.object_id
            ))),
        }
    }
}

/// Returns the response if it is a success.
async fn settled(response: Response) -> Result<Response, ShippoError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ShippoError::Busy(pause(response.headers())));
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return Err(ShippoError::Unauthorised(status.as_u16()));
    }
    let mut body = response.text().await?;
    if let Some((cut, _)) = body.char_indices().nth(LARGEST_QUOTE) {
        body.truncate(cut);
    }
    let status = status.as_u16();
    if status >= 500 || status == StatusCode::REQUEST_TIMEOUT.as_u16() {
        Err(ShippoError::Unavailable { status, body })
    } else {
        Err(ShippoError::Invalid { status, body })
    }
}

/// Parses `Retry-After` in seconds. This provider does not use its other form, a date.
fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(DEFAULT_PAUSE, Duration::from_secs)
}

#[cfg(test)]
mod tests;
