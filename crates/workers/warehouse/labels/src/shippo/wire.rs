//! Shippo's JSON, as far as it is used (<https://docs.goshippo.com/shippoapi/public-api/>, version 2018-02-08).

use despatch_contracts::order::Address;
use despatch_domain::{Currency, Money};
use despatch_routing::{Package, Rate};
use serde::{Deserialize, Serialize};

use super::error::ShippoError;

#[derive(Debug, Serialize)]
pub(super) struct ShipmentRequest<'a> {
    pub(super) address_from: AddressRequest<'a>,
    pub(super) address_to: AddressRequest<'a>,
    pub(super) parcels: [ParcelRequest; 1],
    pub(super) metadata: &'a str,
    /// False: the answer holds the rates.
    #[serde(rename = "async")]
    pub(super) asynchronous: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct AddressRequest<'a> {
    name: &'a str,
    company: &'a str,
    street1: &'a str,
    street2: &'a str,
    city: &'a str,
    state: &'a str,
    zip: &'a str,
    country: &'a str,
    phone: &'a str,
}

impl<'a> From<&'a Address> for AddressRequest<'a> {
    fn from(address: &'a Address) -> Self {
        AddressRequest {
            name: &address.name,
            company: &address.company,
            street1: &address.street1,
            street2: &address.street2,
            city: &address.city,
            state: &address.region,
            zip: &address.postcode,
            country: &address.country,
            phone: &address.phone,
        }
    }
}

/// Numbers are text on this wire, with at most six digits before the point and four behind it.
#[derive(Debug, Serialize)]
pub(super) struct ParcelRequest {
    pub(super) length: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) distance_unit: &'static str,
    pub(super) weight: String,
    pub(super) mass_unit: &'static str,
}

impl From<&Package> for ParcelRequest {
    fn from(package: &Package) -> Self {
        let [length, width, height] = package.sides.mm().map(|mm| match mm % 10 {
            0 => (mm / 10).to_string(),
            tenths => format!("{}.{tenths}", mm / 10),
        });
        let weight = package.grams.to_string();
        ParcelRequest { length, width, height, distance_unit: "cm", weight, mass_unit: "g" }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ShipmentAnswer {
    pub(super) rates: Vec<RateAnswer>,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RateAnswer {
    object_id: String,
    amount: String,
    currency: String,
    provider: String,
    servicelevel: ServiceLevelAnswer,
    estimated_days: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct ServiceLevelAnswer {
    token: String,
}

impl RateAnswer {
    pub(super) fn rate(self) -> Result<Rate, ShippoError> {
        let unreadable = |what: String| ShippoError::Unreadable(format!("rate {}: {what}", self.object_id));
        let currency = Currency::parse(&self.currency).map_err(|error| unreadable(error.to_string()))?;
        let cost = Money::parse_rounded(&self.amount, currency).map_err(|e| unreadable(e.to_string()))?;
        Ok(Rate {
            // Tracking webhooks name the carrier by this token: `USPS` is `usps`, `DHL Express` is `dhl_express`.
            carrier: self.provider.to_ascii_lowercase().replace(' ', "_"),
            id: self.object_id,
            service: self.servicelevel.token,
            cost,
            estimated_days: self.estimated_days,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct TransactionRequest<'a> {
    pub(super) rate: &'a str,
    pub(super) label_file_type: &'static str,
    pub(super) metadata: &'a str,
    /// False: the answer holds the label.
    #[serde(rename = "async")]
    pub(super) asynchronous: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TransactionAnswer {
    pub(super) object_id: String,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) metadata: String,
    #[serde(default)]
    pub(super) tracking_number: Option<String>,
    #[serde(default)]
    pub(super) label_url: Option<String>,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Waiting,
    Queued,
    Success,
    Error,
    Refunded,
    RefundPending,
    RefundRejected,
}

#[derive(Debug, Serialize)]
pub(super) struct RefundRequest<'a> {
    pub(super) transaction: &'a str,
    /// False: the answer holds the carrier's decision, if it decides at once.
    #[serde(rename = "async")]
    pub(super) asynchronous: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RefundAnswer {
    pub(super) status: RefundStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RefundStatus {
    Queued,
    Pending,
    Success,
    Error,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListAnswer {
    pub(super) results: Vec<TransactionAnswer>,
}

/// Returns the messages of an answer, for a person.
pub(super) fn said(messages: &[Message]) -> String {
    let parts: Vec<String> = messages
        .iter()
        .map(|message| {
            [message.code.as_deref(), message.text.as_deref()].into_iter().flatten().collect::<Vec<_>>()
        })
        .map(|parts| parts.join(": "))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() { "no reason given".to_owned() } else { parts.join("; ") }
}
