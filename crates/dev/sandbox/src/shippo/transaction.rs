//! A transaction: the purchase of a label, and the requests around it.

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::answer::{Answer, invalid};
use super::metadata::check_metadata;
use super::scan::Course;

/// The file format of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    /// 4 × 6 inches; Shippo's other PDF sizes are served as this one too.
    #[default]
    #[serde(rename = "PDF_4x6", alias = "PDF", alias = "PDF_A4", alias = "PDF_A6")]
    Pdf,
    /// Zebra's printer language.
    #[serde(rename = "ZPLII")]
    Zpl,
}

impl Format {
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Zpl => "zpl",
        }
    }
}

/// `POST /transactions`.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    rate: String,
    #[serde(default)]
    label_file_type: Format,
    #[serde(default)]
    pub(super) metadata: String,
    #[serde(default, rename = "async")]
    asynchronous: bool,
}

/// A valid request.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) rate: u128,
    pub(super) format: Format,
    pub(super) metadata: String,
}

impl Request {
    pub(super) fn check(self) -> Result<Checked, Answer> {
        if self.asynchronous {
            return Err(invalid("async", "The sandbox buys at once: send async=false."));
        }
        check_metadata(&self.metadata)?;
        let rate = u128::from_str_radix(&self.rate, 16)
            .map_err(|_| invalid("rate", "Rate with supplied object_id not found."))?;
        Ok(Checked { rate, format: self.label_file_type, metadata: self.metadata })
    }
}

/// `POST /refunds`.
#[derive(Debug, Deserialize)]
pub(super) struct VoidRequest {
    pub(super) transaction: String,
}

/// `GET /transactions?…`.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) number: usize,
    pub(super) size: usize,
    pub(super) rate: Option<u128>,
    pub(super) status: Option<String>,
    /// The query without its page, for the links to other pages.
    pub(super) rest: String,
}

impl Page {
    pub(super) fn parse(query: &str) -> Result<Self, Answer> {
        let (mut number, mut size) = (1, 25);
        let (mut rate, mut status) = (None, None);
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name != "page" {
                rest.append_pair(&name, &value);
            }
            match &*name {
                "page" => {
                    let parsed = value.parse().ok().filter(|page| *page >= 1);
                    number = parsed.ok_or_else(|| invalid("page", "Invalid page."))?;
                }
                "results" => {
                    let parsed = value.parse().ok().filter(|size| (1..=100).contains(size));
                    size = parsed.ok_or_else(|| invalid("results", "Between 1 and 100."))?;
                }
                "rate" => {
                    let parsed = u128::from_str_radix(&value, 16);
                    rate = Some(parsed.map_err(|_| invalid("rate", "Invalid rate."))?);
                }
                "object_status" => status = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(Self { number, size, rate, status, rest: rest.finish() })
    }
}

/// A stored transaction: about a hundred bytes, from which everything else follows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Transaction {
    #[serde(with = "super::format::hex")]
    pub(super) id: u128,
    #[serde(with = "super::format::hex")]
    pub(super) rate: u128,
    pub(super) format: Format,
    pub(super) metadata: Box<str>,
    /// Milliseconds since 1970.
    pub(super) created_ms: i64,
    /// Why the carrier refused the label, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
    /// The order in which its scans are reported.
    pub(super) course: Course,
    /// How many of its webhooks the gateway has accepted.
    #[serde(default)]
    pub(super) accepted: u8,
    #[serde(default)]
    pub(super) voided: bool,
}

/// Why a carrier refuses a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refused {
    /// The carrier does not deliver to the address.
    Address,
    /// The carrier does not say.
    Carrier,
}

impl Refused {
    pub(super) fn message(self) -> (&'static str, &'static str) {
        match self {
            Self::Address => ("invalid_address", "The address_to is not deliverable: unknown ZIP code."),
            Self::Carrier => ("carrier_refused", "The carrier did not accept this shipment."),
        }
    }
}

impl Transaction {
    /// Returns the status that a list can be filtered by.
    pub(super) fn status(&self) -> &'static str {
        match (self.refused, self.voided) {
            (Some(_), _) => "ERROR",
            (None, true) => "REFUNDED",
            (None, false) => "SUCCESS",
        }
    }

    /// Returns the furthest scan that was reported.
    pub(super) fn tracking_status(&self) -> &'static str {
        let reported = &self.course.scans()[..usize::from(self.accepted).min(self.course.scans().len())];
        reported.iter().max().map_or("PRE_TRANSIT", |scan| scan.status())
    }

    /// Returns whether a webhook is left to send.
    pub(super) fn has_scans_left(&self) -> bool {
        self.refused.is_none() && !self.voided && usize::from(self.accepted) < self.course.scans().len()
    }
}
