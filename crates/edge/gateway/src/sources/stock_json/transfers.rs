//! Units that go from one location to another.

use despatch_contracts::stock::{ArrivedRow, TransferArrived, TransferRequested, TransferRow};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MOST_ROWS;
use super::asked::{StockCommand, name, request, stock_body};
use super::row::{at_least, named, number_of_rows};
use crate::sources::fields::json::{Id, Invalid, id, or_default, text, units};

stock_body! {
    /// Units that go from one location to another.
    TransferJson as Transfer {
        /// Your id of the transfer: letters, digits and `-_.`. By default the request's id.
        #[serde(default, deserialize_with = "text")]
        #[schema(max_length = 100)]
        transfer: String,
        /// Whether the units are on the way until their arrival is reported. Otherwise they arrive at once.
        #[serde(default, deserialize_with = "or_default")]
        arrives_later: bool,
        /// The rows; at most 1,000.
        #[serde(default, deserialize_with = "or_default")]
        #[schema(required)]
        rows: Vec<TransferRowJson>,
    }
}

/// Units of a SKU.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransferRow)]
struct TransferRowJson {
    /// A known article.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The id of the location that sends them.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    from: String,
    /// The id of the location that receives them.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    to: String,
    /// The number of units.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false, minimum = 1)]
    quantity: Option<i64>,
}

impl TransferJson {
    pub(crate) fn command(self) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        number_of_rows("rows", self.rows.len(), MOST_ROWS)?;
        let transfer = if self.transfer.is_empty() {
            request.request_id.clone()
        } else {
            name(self.transfer, "transfer")?
        };
        let row = |(at, row): (usize, TransferRowJson)| {
            if row.from == row.to && !row.to.is_empty() {
                let same = format!("expected another location than `from`, found {:?}", row.to);
                return Err(Invalid::new(format!("rows[{at}].to"), same));
            }
            Ok(TransferRow {
                sku: named(row.sku, at, "sku")?,
                from: named(row.from, at, "from")?,
                to: named(row.to, at, "to")?,
                quantity: at_least(1, row.quantity, at, "quantity")?,
            })
        };
        let rows: Result<Vec<TransferRow>, Invalid> = self.rows.into_iter().enumerate().map(row).collect();
        let command = TransferRequested {
            transfer,
            rows: rows?,
            arrives_later: self.arrives_later,
            request: Some(request.clone()),
        };
        Ok(StockCommand::new(request, &command))
    }
}

stock_body! {
    /// The arrival of a transfer. Of an article in a row, units that did not arrive are lost; articles that are in no row stay on their
    /// way.
    ArrivalJson as TransferArrival {
        /// The units that arrived; at most 1,000 rows. Without rows all of them did.
        #[serde(default, deserialize_with = "or_default")]
        rows: Vec<ArrivedRowJson>,
    }
}

/// Units of a SKU that arrived.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ArrivedRow)]
struct ArrivedRowJson {
    /// The article.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The id of the location that received them.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    to: String,
    /// The number of units; 0 if none arrived.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false, minimum = 0)]
    quantity: Option<i64>,
}

impl ArrivalJson {
    pub(crate) fn command(self, transfer: String) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let transfer = name(transfer, "transfer")?;
        if !self.rows.is_empty() {
            number_of_rows("rows", self.rows.len(), MOST_ROWS)?;
        }
        let row = |(at, row): (usize, ArrivedRowJson)| {
            Ok(ArrivedRow {
                sku: named(row.sku, at, "sku")?,
                to: named(row.to, at, "to")?,
                quantity: at_least(0, row.quantity, at, "quantity")?,
            })
        };
        let rows: Result<Vec<ArrivedRow>, Invalid> = self.rows.into_iter().enumerate().map(row).collect();
        let command = TransferArrived { transfer, rows: rows?, request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }
}
