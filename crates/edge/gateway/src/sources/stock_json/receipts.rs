//! Units that arrived from a supplier.

use despatch_contracts::stock::{ReceiptRow, ReceiveRequested};
use serde::Deserialize;
use utoipa::ToSchema;

use super::asked::{StockCommand, request, stock_body};
use super::row::{at_least, named, number_of_rows, short};
use super::{MOST_ROWS, MOST_ROWS_TOGETHER};
use crate::sources::fields::json::{Id, Invalid, id, or_default, text, units};

stock_body! {
    /// Units that arrived from a supplier.
    ReceiptJson as Receipt {
        /// The delivery's name, e.g. the number of its note; at most 200 bytes. A row is booked once in each delivery.
        #[serde(default, deserialize_with = "text")]
        #[schema(max_length = 200)]
        receipt: String,
        /// Whether one bad row keeps every row from being booked. Then there may be 10,000 rows, as far as the body's limit in bytes
        /// allows.
        #[serde(default, deserialize_with = "or_default")]
        all_or_nothing: bool,
        /// The rows; at most 1,000.
        #[serde(default, deserialize_with = "or_default")]
        #[schema(required)]
        rows: Vec<ReceiptRowJson>,
    }
}

/// Units of a SKU at a location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptRow)]
struct ReceiptRowJson {
    /// Your id of the row, unique within the delivery. The same row again, in any request, is not booked again. Without one the
    /// row belongs to its request alone. At most 200 bytes without control characters.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 200)]
    row_id: String,
    /// The article. One that is not known yet becomes known.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The location's id.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    location: String,
    /// The number of units.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false, minimum = 1)]
    quantity: Option<i64>,
}

fn receipt_rows(rows: Vec<ReceiptRowJson>) -> Result<Vec<ReceiptRow>, Invalid> {
    let row = |(at, row): (usize, ReceiptRowJson)| {
        Ok(ReceiptRow {
            row_id: short(row.row_id, &format!("rows[{at}].row_id"))?,
            sku: named(row.sku, at, "sku")?,
            location: named(row.location, at, "location")?,
            quantity: at_least(1, row.quantity, at, "quantity")?,
        })
    };
    rows.into_iter().enumerate().map(row).collect()
}

impl ReceiptJson {
    pub(crate) fn command(self) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let most = if self.all_or_nothing { MOST_ROWS_TOGETHER } else { MOST_ROWS };
        number_of_rows("rows", self.rows.len(), most)?;
        let command = ReceiveRequested {
            receipt: short(self.receipt, "receipt")?,
            rows: receipt_rows(self.rows)?,
            all_or_nothing: self.all_or_nothing,
            request: Some(request.clone()),
        };
        Ok(StockCommand::new(request, &command))
    }
}
