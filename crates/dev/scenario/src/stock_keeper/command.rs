//! A request about stock, as a program sends it to the gateway.

use serde::Serialize;
use serde_json::{Value, json};

/// A request about stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRequest {
    /// Its id, which every repetition has too.
    pub request_id: String,
    /// The change that it asks for.
    pub command: StockCommand,
}

/// The change that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Units that arrived from a supplier.
    Receive {
        /// The delivery's name.
        receipt: String,
        /// Whether one bad row keeps every row from being booked.
        all_or_nothing: bool,
        /// Its rows.
        rows: Vec<ReceiptRow>,
    },
    /// Corrections with a reason.
    Adjust(Vec<AdjustRow>),
    /// Units that a person counted.
    Count(Vec<CountRow>),
    /// Units that go from one location to another.
    Transfer {
        /// The transfer's name.
        transfer: String,
        /// Whether the units are on the way until their arrival is reported.
        arrives_later: bool,
        /// Its rows.
        rows: Vec<TransferRow>,
    },
    /// Units of a transfer that arrived.
    Arrive {
        /// The transfer's name.
        transfer: String,
        /// Its rows. Without rows everything that is still on the way arrived.
        rows: Vec<ArrivedRow>,
    },
}

/// A row of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptRow {
    /// Its id in the delivery. Empty for a row that belongs to its request alone.
    pub row_id: String,
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The number of units.
    pub quantity: i64,
}

/// A row of an adjustment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdjustRow {
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// Units more; below 0 for units less.
    pub change: i64,
    /// Why.
    pub reason: &'static str,
}

/// A row of a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountRow {
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The units on the shelf.
    pub counted: i64,
    /// When the person looked, by RFC 3339. Empty for now.
    pub seen_at: String,
}

/// A row of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransferRow {
    /// The article.
    pub sku: String,
    /// The location that sends them.
    pub from: String,
    /// The location that receives them.
    pub to: String,
    /// The number of units.
    pub quantity: i64,
}

/// A row of an arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrivedRow {
    /// The article.
    pub sku: String,
    /// The location that received them.
    pub to: String,
    /// The number of units. Those that were sent and did not arrive are lost.
    pub quantity: i64,
}

impl StockRequest {
    /// Returns the path that it is posted to.
    pub fn path(&self) -> String {
        match &self.command {
            StockCommand::Receive { .. } => "/v1/stock/receipts".to_owned(),
            StockCommand::Adjust(_) => "/v1/stock/adjustments".to_owned(),
            StockCommand::Count(_) => "/v1/stock/counts".to_owned(),
            StockCommand::Transfer { .. } => "/v1/stock/transfers".to_owned(),
            StockCommand::Arrive { transfer, .. } => format!("/v1/stock/transfers/{transfer}/arrivals"),
        }
    }

    /// Returns the body, with this note for the ledger.
    pub fn body(&self, note: &str) -> Value {
        let mut body = match &self.command {
            StockCommand::Receive { receipt, all_or_nothing, rows } => {
                json!({ "receipt": receipt, "all_or_nothing": all_or_nothing, "rows": rows })
            }
            StockCommand::Adjust(rows) => json!({ "rows": rows }),
            StockCommand::Count(rows) => json!({ "rows": rows }),
            StockCommand::Transfer { transfer, arrives_later, rows } => {
                json!({ "transfer": transfer, "arrives_later": arrives_later, "rows": rows })
            }
            StockCommand::Arrive { rows, .. } => json!({ "rows": rows }),
        };
        body["request_id"] = json!(self.request_id);
        body["requested_by"] = json!("operator");
        body["by"] = json!("the stock keeper");
        body["note"] = json!(note);
        body
    }

    /// Returns each row as its outcome repeats it: SKU, location and quantity. None if the request leaves the rows to the
    /// worker.
    pub fn rows(&self) -> Option<Vec<(&str, &str, i64)>> {
        let rows = match &self.command {
            StockCommand::Receive { rows, .. } => {
                rows.iter().map(|it| (&*it.sku, &*it.location, it.quantity)).collect()
            }
            StockCommand::Adjust(rows) => {
                rows.iter().map(|it| (&*it.sku, &*it.location, it.change)).collect()
            }
            StockCommand::Count(rows) => {
                rows.iter().map(|it| (&*it.sku, &*it.location, it.counted)).collect()
            }
            StockCommand::Transfer { rows, .. } => {
                rows.iter().map(|it| (&*it.sku, &*it.from, it.quantity)).collect()
            }
            StockCommand::Arrive { rows, .. } if rows.is_empty() => return None,
            StockCommand::Arrive { rows, .. } => {
                rows.iter().map(|it| (&*it.sku, &*it.to, it.quantity)).collect()
            }
        };
        Some(rows)
    }
}
