//! The checks of requests about stock: each has an outcome, and the ledger has exactly the units that the outcomes say.

use std::collections::{BTreeMap, BTreeSet};

use super::discrepancy::Discrepancy;
use crate::stock_keeper::{Outcome, RequestRecord, RowOutcome, StockCommand, StockRequest, TransferRow};

/// Units that a request moved, as a sum: its id, the SKU, the location, the bucket that they left and the one that they entered.
pub(super) type Moved = (String, String, String, String, String);

/// The ledger, as far as requests changed it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub(super) moved: BTreeMap<Moved, i64>,
    /// Units on their way, by SKU.
    pub(super) transit: BTreeMap<String, i64>,
}

/// Returns everything that does not add up. `outcomes` are all requests that were answered 202.
pub(super) fn findings(outcomes: &[Outcome], ledger: &Ledger) -> Vec<Discrepancy> {
    let mut audit = Audit::default();
    for Outcome { asked, record } in outcomes {
        let request = &asked.request;
        if asked.altered.is_some_and(|status| status != reqwest::StatusCode::CONFLICT) {
            audit.wrong(
                &request.request_id,
                format!("other contents under its id were answered {:?}", asked.altered),
            );
        }
        match record {
            None => audit.wrong(&request.request_id, "was accepted, and has no outcome"),
            Some(record) => {
                audit.repeats_the_rows(request, record);
                audit.note(request, record);
            }
        }
    }
    audit.deliveries();
    for Outcome { asked, record } in outcomes {
        if let (StockCommand::Arrive { transfer, .. }, Some(record)) = (&asked.request.command, record) {
            audit.arrived(&asked.request.request_id, transfer, booked(record));
        }
    }
    audit.counts(outcomes, ledger);
    audit.ledger(ledger);
    audit.found
}

/// The units that the outcomes speak of, and the defects.
#[derive(Default)]
struct Audit {
    found: Vec<Discrepancy>,
    expected: BTreeMap<Moved, i64>,
    /// How often each row of a delivery was booked, and how often it was said that it had been before.
    deliveries: BTreeMap<(String, String), (usize, usize)>,
    /// Units that were sent off and whose arrival nobody reported, by transfer, SKU and location of arrival.
    sent_off: BTreeMap<(String, String, String), i64>,
    /// The request that sent off each transfer.
    senders: BTreeMap<String, String>,
}

/// Rows that were booked.
fn booked(record: &RequestRecord) -> impl Iterator<Item = &RowOutcome> {
    record.results.iter().filter(|row| row.outcome == "booked")
}

impl Audit {
    fn wrong(&mut self, request_id: &str, wrong: impl Into<String>) {
        self.found.push(Discrepancy { about: format!("request {request_id}"), wrong: wrong.into() });
    }

    fn expect(&mut self, request_id: &str, (sku, location): (&str, &str), from: &str, to: &str, units: i64) {
        if units > 0 {
            let key = [request_id, sku, location, from, to].map(str::to_owned);
            *self.expected.entry(key.into()).or_default() += units;
        }
    }

    /// The outcome has each row of the request, in its order.
    fn repeats_the_rows(&mut self, request: &StockRequest, record: &RequestRecord) {
        let told = || record.results.iter().map(|row| (&*row.sku, &*row.location, row.quantity));
        if let Some(rows) = request.rows()
            && !told().eq(rows.iter().copied())
        {
            let told: Vec<_> = told().collect();
            self.wrong(&request.request_id, format!("asked for {rows:?}, and its outcome is about {told:?}"));
        }
        let refused = record.results.iter().filter(|row| row.outcome == "refused").count();
        if refused != record.refused {
            self.wrong(&request.request_id, format!("{} rows refused, found {refused}", record.refused));
        }
        let known = ["booked", "before", "refused", "withheld"];
        for row in record.results.iter().filter(|row| !known.contains(&&*row.outcome)) {
            self.wrong(&request.request_id, format!("a row is {:?}", row.outcome));
        }
    }

    /// Notes what the outcome says. Arrivals come later, because a request that arrives may be older than the one that sent.
    fn note(&mut self, request: &StockRequest, record: &RequestRecord) {
        let id = &request.request_id;
        match &request.command {
            StockCommand::Receive { receipt, rows, .. } => {
                for (at, (row, told)) in rows.iter().zip(&record.results).enumerate() {
                    let own = format!("{id} {}", at + 1);
                    let row_id = if row.row_id.is_empty() { &own } else { &row.row_id };
                    let (booked, before) =
                        self.deliveries.entry((receipt.clone(), row_id.clone())).or_default();
                    match &*told.outcome {
                        "booked" => {
                            *booked += 1;
                            let place = (&*row.sku, &*row.location);
                            self.expect(id, place, "supplier", "available", row.quantity);
                        }
                        "before" => *before += 1,
                        _ => {}
                    }
                }
            }
            StockCommand::Adjust(rows) => {
                for (row, _) in rows.iter().zip(&record.results).filter(|(_, told)| told.outcome == "booked")
                {
                    let place = (&*row.sku, &*row.location);
                    match (row.reason, row.change > 0) {
                        ("found" | "data-entry", true) => {
                            self.expect(id, place, "supplier", "available", row.change);
                        }
                        ("lost", false) => self.expect(id, place, "available", "lost", -row.change),
                        ("damaged", false) => self.expect(id, place, "available", "damaged", -row.change),
                        ("expired" | "sample", false) => {
                            self.expect(id, place, "available", "scrapped", -row.change);
                        }
                        ("data-entry" | "supplier-short", false) => {
                            self.expect(id, place, "available", "supplier", -row.change);
                        }
                        _ => self.wrong(id, format!("{} for {} was booked", row.reason, row.change)),
                    }
                }
            }
            StockCommand::Transfer { transfer, arrives_later, rows } => {
                let rows = rows.iter().zip(&record.results).filter(|(_, told)| told.outcome == "booked");
                for (row, _) in rows {
                    self.sent(id, transfer, *arrives_later, row);
                }
            }
            // A count's outcome says what was counted; the difference is in the ledger alone.
            StockCommand::Count(_) | StockCommand::Arrive { .. } => {}
        }
    }

    fn sent(&mut self, id: &str, transfer: &str, arrives_later: bool, row: &TransferRow) {
        let TransferRow { sku, from, to, quantity } = row;
        self.expect(id, (sku, from), "available", "transit", *quantity);
        if !arrives_later {
            return self.expect(id, (sku, to), "transit", "available", *quantity);
        }
        let sender = self.senders.entry(transfer.to_owned()).or_insert_with(|| id.to_owned());
        if sender != id {
            let sender = sender.clone();
            self.wrong(id, format!("{sender} had sent off transfer {transfer} before"));
        }
        *self.sent_off.entry((transfer.to_owned(), sku.clone(), to.clone())).or_default() += quantity;
    }

    /// Units that arrived are available, and the rest of their transfer is lost. Nothing arrives twice.
    fn arrived<'r>(&mut self, id: &str, transfer: &str, rows: impl Iterator<Item = &'r RowOutcome>) {
        for RowOutcome { sku, location, quantity, .. } in rows {
            let key = (transfer.to_owned(), sku.clone(), location.clone());
            let Some(sent) = self.sent_off.remove(&key) else {
                let wrong = format!("{quantity} of {sku} arrived at {location}, and none were on the way");
                self.wrong(id, wrong);
                continue;
            };
            self.expect(id, (sku, location), "transit", "available", *quantity);
            self.expect(id, (sku, location), "transit", "lost", sent - quantity);
        }
    }

    /// Each row of a delivery was booked once, whichever request brought it.
    fn deliveries(&mut self) {
        for ((receipt, row_id), (booked, before)) in std::mem::take(&mut self.deliveries) {
            if booked > 1 || before > 0 && booked == 0 {
                let about = format!("row {row_id} of delivery {receipt}");
                let wrong = format!("was booked {booked} times, and {before} times had been before");
                self.found.push(Discrepancy { about, wrong });
            }
        }
    }

    /// A count moves units in one direction, at positions whose rows were booked.
    fn counts(&mut self, outcomes: &[Outcome], ledger: &Ledger) {
        let mut counted = BTreeMap::new();
        for Outcome { asked, record } in outcomes {
            if let (StockCommand::Count(_), Some(record)) = (&asked.request.command, record) {
                let places: BTreeSet<(&str, &str)> =
                    booked(record).map(|row| (&*row.sku, &*row.location)).collect();
                counted.insert(&*asked.request.request_id, places);
            }
        }
        let mut directions = BTreeMap::<(&str, &str, &str), bool>::new();
        for ((request_id, sku, location, from, to), units) in &ledger.moved {
            let Some(places) = counted.get(&**request_id) else { continue };
            let is_more = match (&**from, &**to) {
                ("missing" | "supplier", "available") => true,
                ("available" | "reserved", "missing") => false,
                _ => {
                    self.wrong(request_id, format!("a count moved {units} of {sku} from {from} to {to}"));
                    continue;
                }
            };
            if !places.contains(&(&**sku, &**location)) {
                self.wrong(
                    request_id,
                    format!("moved {units} of {sku} at {location}, which it did not count"),
                );
            }
            if *directions.entry((request_id, sku, location)).or_insert(is_more) != is_more {
                self.wrong(request_id, format!("found more and fewer of {sku} at {location}"));
            }
            // So the ledger must have it.
            let key = (request_id.clone(), sku.clone(), location.clone(), from.clone(), to.clone());
            self.expected.insert(key, *units);
        }
    }

    /// The ledger has what the outcomes say, and nothing else.
    fn ledger(&mut self, ledger: &Ledger) {
        let keys: BTreeSet<&Moved> = self.expected.keys().chain(ledger.moved.keys()).collect();
        let mut found = Vec::new();
        for key in keys {
            let units = |sums: &BTreeMap<Moved, i64>| sums.get(key).copied().unwrap_or_default();
            let (expected, recorded) = (units(&self.expected), units(&ledger.moved));
            if expected != recorded {
                let (request_id, sku, location, from, to) = key;
                let about = format!("request {request_id}");
                let wrong = format!(
                    "by its outcome {expected} of {sku} at {location} went from {from} to {to}, by the ledger {recorded}"
                );
                found.push(Discrepancy { about, wrong });
            }
        }
        let mut on_the_way = BTreeMap::<&str, i64>::new();
        for ((_, sku, _), units) in &self.sent_off {
            *on_the_way.entry(sku).or_default() += units;
        }
        let skus: BTreeSet<&str> =
            on_the_way.keys().copied().chain(ledger.transit.keys().map(String::as_str)).collect();
        for sku in skus {
            let expected = on_the_way.get(sku).copied().unwrap_or_default();
            let recorded = ledger.transit.get(sku).copied().unwrap_or_default();
            if expected != recorded {
                let wrong = format!("{expected} are on the way by the outcomes, {recorded} by the ledger");
                found.push(Discrepancy { about: format!("transfers of {sku}"), wrong });
            }
        }
        self.found.append(&mut found);
    }
}

#[cfg(test)]
mod tests;
