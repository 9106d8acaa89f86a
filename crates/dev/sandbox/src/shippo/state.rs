//! Shippo's state: shipments, labels and the reported scans. Each change is in the log before its answer is sent.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, invalid, write_failed};
use super::format::{iso, tracking_number};
use super::label;
use super::metadata::order_of;
use super::scan::Course;
use super::service::{SERVICES, Service};
use super::shipment::{self, Shipment};
use super::transaction::{self, Format, Page, Refused, Transaction};
use super::webhook::webhook;
use crate::counts::OrderCounter;
use crate::digest;
use crate::error::SandboxError;
use crate::log::Log;
use crate::options::TrackingPace;
use crate::time::now_ms;

/// One line of the log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Shipment(Shipment),
    Transaction(Transaction),
    /// The gateway accepted one more webhook of the transaction at this position.
    Accepted(usize),
    /// The label at this position was voided.
    Voided(usize),
}

/// When a carrier decides to take a label back.
#[derive(Clone, Copy)]
enum Decision {
    AtOnce,
    /// The request waits in Shippo's queue, and the first look finds it decided.
    Queued,
    /// The first look finds it undecided.
    Later,
}

impl Decision {
    fn of(service: &Service) -> Self {
        match service.token {
            "usps_priority_express" => Decision::AtOnce,
            token if token.starts_with("ups_") => Decision::Queued,
            _ => Decision::Later,
        }
    }

    /// Returns the status of the answer to the request.
    fn answer(self) -> &'static str {
        match self {
            Decision::AtOnce => "SUCCESS",
            Decision::Queued => "QUEUED",
            Decision::Later => "PENDING",
        }
    }

    /// Returns how many looks it takes until the transaction shows the decision.
    fn looks(self) -> u8 {
        match self {
            Decision::AtOnce => 0,
            Decision::Queued => 1,
            Decision::Later => 2,
        }
    }
}

pub(super) struct ShippoState {
    seed: u64,
    pace: TrackingPace,
    log: Log,
    shipments: HashMap<u128, Shipment>,
    transactions: Vec<Transaction>,
    by_id: HashMap<u128, usize>,
    by_rate: HashMap<u128, Vec<usize>>,
    /// Voided labels about which the carrier's decision was looked at, and how often.
    looks: HashMap<usize, u8>,
}

impl ShippoState {
    pub(super) fn open(dir: Option<&Path>, seed: u64, pace: TrackingPace) -> Result<Self, SandboxError> {
        let mut state = Self {
            seed,
            pace,
            log: Log::open(None, "shippo.jsonl")?,
            shipments: HashMap::new(),
            transactions: Vec::new(),
            by_id: HashMap::new(),
            by_rate: HashMap::new(),
            looks: HashMap::new(),
        };
        let mut log = Log::open(dir, "shippo.jsonl")?;
        log.replay(|line, _| state.apply(line))?;
        state.log = log;
        Ok(state)
    }

    fn write(&mut self, line: Line) -> io::Result<()> {
        self.log.append_json(&line)?;
        self.apply(line);
        Ok(())
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Shipment(shipment) => {
                self.shipments.insert(shipment.id, shipment);
            }
            Line::Transaction(transaction) => {
                let at = self.transactions.len();
                self.by_id.insert(transaction.id, at);
                self.by_rate.entry(transaction.rate).or_default().push(at);
                self.transactions.push(transaction);
            }
            Line::Accepted(at) => {
                if let Some(transaction) = self.transactions.get_mut(at) {
                    transaction.accepted += 1;
                }
            }
            Line::Voided(at) => {
                if let Some(transaction) = self.transactions.get_mut(at) {
                    transaction.voided = true;
                }
            }
        }
    }

    pub(super) fn ship(&mut self, request: shipment::Checked) -> io::Result<&Shipment> {
        let serial = self.shipments.len() as u64;
        let id = digest::wide(&[b"shipment", &self.seed.to_le_bytes(), &serial.to_le_bytes()]) & !0xf;
        let shipment::Checked { from, to, size, metadata } = request;
        let shipment = Shipment { id, from, to, size, metadata, created_ms: now_ms() };
        self.log.append_json(&Line::Shipment(shipment.clone()))?;
        Ok(self.shipments.entry(id).or_insert(shipment))
    }

    /// Returns a rate, and the metadata of its shipment.
    pub(super) fn rate(&self, rate: u128) -> Option<(Value, Box<str>)> {
        let (shipment, position) = Shipment::of_rate(rate)?;
        let shipment = self.shipments.get(&shipment)?;
        let shown = SERVICES[position].rate_json(rate, shipment.id, shipment.size)?;
        Some((shown, shipment.metadata.clone()))
    }

    /// Buys a label, or records that the carrier refused one, and returns the transaction's position.
    pub(super) fn buy(
        &mut self,
        request: transaction::Checked,
        refused: bool,
        course: Course,
    ) -> Result<usize, Answer> {
        let shipment = Shipment::of_rate(request.rate).and_then(|(id, _)| self.shipments.get(&id));
        let shipment = shipment.ok_or_else(|| invalid("rate", "Rate with supplied object_id not found."))?;
        let refused = if shipment.to.undeliverable() {
            Some(Refused::Address)
        } else {
            refused.then_some(Refused::Carrier)
        };
        let at = self.transactions.len();
        let id = digest::wide(&[b"transaction", &self.seed.to_le_bytes(), &(at as u64).to_le_bytes()]);
        let transaction = Transaction {
            id,
            rate: request.rate,
            format: request.format,
            metadata: request.metadata.into(),
            created_ms: now_ms(),
            refused,
            course,
            accepted: 0,
            voided: false,
        };
        self.write(Line::Transaction(transaction)).map_err(|error| write_failed(&error))?;
        Ok(at)
    }

    /// Voids a label. A carrier accepts none that it has scanned. Some decide at once, and others later.
    pub(super) fn void(&mut self, at: usize) -> Result<Value, Answer> {
        let transaction = &self.transactions[at];
        if transaction.refused.is_some() {
            return Err(invalid("transaction", "Transaction has no label to refund."));
        }
        if transaction.voided {
            return Err(invalid("transaction", "Transaction has already been refunded."));
        }
        let id = digest::wide(&[b"refund", &transaction.id.to_le_bytes()]);
        let (transaction_id, scanned) = (transaction.id, transaction.accepted > 0);
        let decision = self.whole(at).map_or(Decision::AtOnce, |(_, _, service)| Decision::of(service));
        if !scanned {
            self.write(Line::Voided(at)).map_err(|error| write_failed(&error))?;
        }
        Ok(json!({
            "object_id": format!("{id:032x}"),
            "object_created": iso(now_ms()),
            "status": if scanned { "ERROR" } else { decision.answer() },
            "transaction": format!("{transaction_id:032x}"),
            "test": true,
        }))
    }

    /// Notes that somebody looks at a transaction: a carrier that decides later has decided after some looks.
    pub(super) fn look(&mut self, at: usize) {
        if self.transactions[at].voided {
            let looks = self.looks.entry(at).or_default();
            *looks = looks.saturating_add(1);
        }
    }

    /// Returns the status that a transaction shows.
    fn status(&self, at: usize) -> &'static str {
        let status = self.transactions[at].status();
        let decision = self.whole(at).map_or(Decision::AtOnce, |(_, _, service)| Decision::of(service));
        let looks = self.looks.get(&at).copied().unwrap_or_default();
        if status == "REFUNDED" && looks < decision.looks() { "REFUNDPENDING" } else { status }
    }

    /// Records that the gateway accepted the next webhook of the transaction.
    pub(super) fn mark_accepted(&mut self, at: usize) -> io::Result<()> {
        self.write(Line::Accepted(at))
    }

    /// Returns the next webhook of the transaction, if one is left.
    pub(super) fn next_webhook(&self, at: usize) -> Option<Value> {
        let (transaction, shipment, service) = self.whole(at)?;
        let scan = transaction.course.scans().get(usize::from(transaction.accepted))?;
        transaction.has_scans_left().then(|| webhook(transaction, shipment, service, *scan))
    }

    /// Returns when the transaction's next webhook is due, after its purchase or its last scan, if one is left.
    pub(super) fn wait(&self, at: usize) -> Option<Duration> {
        let transaction = self.transactions.get(at).filter(|transaction| transaction.has_scans_left())?;
        let pace = if transaction.accepted == 0 { self.pace.to_transit } else { self.pace.to_delivered };
        let parts: [&[u8]; 4] =
            [b"pace", &self.seed.to_le_bytes(), transaction.metadata.as_bytes(), &[transaction.accepted]];
        let share = 1.0 + self.pace.jitter.clamp(0.0, 1.0) * (2.0 * digest::unit(&parts) - 1.0);
        Some(pace.mul_f64(share))
    }

    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        let id = u128::from_str_radix(id, 16).ok()?;
        self.by_id.get(&id).copied()
    }

    pub(super) fn metadata(&self, at: usize) -> &str {
        &self.transactions[at].metadata
    }

    pub(super) fn format(&self, at: usize) -> Format {
        self.transactions[at].format
    }

    /// Returns a transaction with its shipment and service.
    fn whole(&self, at: usize) -> Option<(&Transaction, &Shipment, &'static Service)> {
        let transaction = self.transactions.get(at)?;
        let (shipment, position) = Shipment::of_rate(transaction.rate)?;
        Some((transaction, self.shipments.get(&shipment)?, SERVICES.get(position)?))
    }

    /// Returns the media type and bytes of a label, if there is one.
    pub(super) fn label(&self, at: usize) -> Option<(&'static str, Vec<u8>)> {
        let (transaction, shipment, service) = self.whole(at)?;
        transaction.refused.is_none().then(|| label::render(transaction, shipment, service))
    }

    pub(super) fn transaction_json(&self, at: usize, base_url: &str) -> Value {
        let Some((transaction, _, service)) = self.whole(at) else { return Value::Null };
        let created = iso(transaction.created_ms);
        let id = format!("{:032x}", transaction.id);
        let mut shown = json!({
            "object_id": id,
            "object_state": "VALID",
            "object_created": created,
            "object_updated": created,
            "status": self.status(at),
            "rate": format!("{:032x}", transaction.rate),
            "metadata": transaction.metadata,
            "label_file_type": transaction.format,
            "label_url": "",
            "tracking_number": "",
            "tracking_status": "UNKNOWN",
            "tracking_url_provider": "",
            "eta": null,
            "commercial_invoice_url": null,
            "qr_code_url": null,
            "messages": [],
            "test": true,
        });
        if let Some(refused) = transaction.refused {
            let (code, text) = refused.message();
            shown["messages"] = json!([{ "source": service.carrier, "code": code, "text": text }]);
        } else {
            let number = tracking_number(transaction.id, service);
            shown["label_url"] = format!("{base_url}/labels/{id}.{}", transaction.format.ending()).into();
            shown["tracking_url_provider"] = format!("https://track.example.com/{number}").into();
            shown["tracking_number"] = number.into();
            shown["tracking_status"] = transaction.tracking_status().into();
        }
        shown
    }

    /// Returns transactions, newest first, a page at a time.
    pub(super) fn list(&self, page: &Page, base_url: &str) -> Value {
        let candidates: Box<dyn Iterator<Item = usize>> = match page.rate {
            Some(rate) => Box::new(self.by_rate.get(&rate).into_iter().flatten().copied().rev()),
            None => Box::new((0..self.transactions.len()).rev()),
        };
        let wanted = |at: &usize| page.status.as_ref().is_none_or(|status| status == self.status(*at));
        let skip = (page.number - 1).saturating_mul(page.size);
        let mut found: Vec<usize> = candidates.filter(wanted).skip(skip).take(page.size + 1).collect();
        let more = found.len() > page.size;
        found.truncate(page.size);
        let link = |number: usize| {
            let and = if page.rest.is_empty() { "" } else { "&" };
            format!("{base_url}/transactions/?{}{and}page={number}", page.rest)
        };
        let results: Vec<Value> = found.into_iter().map(|at| self.transaction_json(at, base_url)).collect();
        json!({
            "next": more.then(|| link(page.number + 1)),
            "previous": (page.number > 1).then(|| link(page.number - 1)),
            "results": results,
        })
    }

    /// Adds every label to the counts of its order.
    pub(super) fn count(&self, counter: &mut OrderCounter) {
        for transaction in self.transactions.iter().filter(|transaction| transaction.refused.is_none()) {
            let (order, parcel) = order_of(&transaction.metadata);
            let Some(counts) = counter.order(order) else { continue };
            let labels = counts.labels.entry(parcel.to_owned()).or_default();
            labels.bought += 1;
            labels.voided += u64::from(transaction.voided);
        }
    }
}
