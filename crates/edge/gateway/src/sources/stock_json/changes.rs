//! Corrections of what is recorded: adjustments with a reason, and counts.

use std::time::SystemTime;

use despatch_contracts::stock::{AdjustRequested, AdjustRow, CountRequested, CountRow};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MOST_ROWS;
use super::asked::{StockCommand, request, stock_body};
use super::row::{ADJUSTMENT_REASONS, LARGEST_QUANTITY, at_least, named, number_of_rows};
use crate::sources::fields::json::{Id, Invalid, id, or_default, text, units};
use crate::sources::fields::placed_at;

stock_body! {
    /// Units that are recorded wrongly, each with the reason.
    AdjustmentsJson as Adjustments {
        /// The rows; at most 1,000.
        #[serde(default, deserialize_with = "or_default")]
        #[schema(required)]
        rows: Vec<AdjustmentJson>,
    }
}

/// A change of the units that can be sold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Adjustment)]
struct AdjustmentJson {
    /// A known article.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The location's id.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    location: String,
    /// The number of units more; below 0 for units less.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false)]
    change: Option<i64>,
    /// `found` or `data-entry` for units more; `lost`, `damaged`, `expired`, `sample`, `data-entry` or `supplier-short` for units
    /// less.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    reason: String,
}

impl AdjustmentsJson {
    pub(crate) fn command(self) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        number_of_rows("rows", self.rows.len(), MOST_ROWS)?;
        let rows = self.rows.into_iter().enumerate().map(|(at, row)| row.read(at));
        let command =
            AdjustRequested { rows: rows.collect::<Result<_, _>>()?, request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }
}

impl AdjustmentJson {
    fn read(self, at: usize) -> Result<AdjustRow, Invalid> {
        let field = |name: &str| format!("rows[{at}].{name}");
        let change = self.change.ok_or_else(|| Invalid::new(field("change"), "is required"))?;
        if change == 0 || change.unsigned_abs() > LARGEST_QUANTITY.unsigned_abs() {
            let expected = format!(
                "expected units more, or less with a minus, at most {LARGEST_QUANTITY}, found {change}"
            );
            return Err(Invalid::new(field("change"), expected));
        }
        if !ADJUSTMENT_REASONS.contains(&&*self.reason) {
            let expected =
                format!("expected one of {}, found {:?}", ADJUSTMENT_REASONS.join(", "), self.reason);
            return Err(Invalid::new(field("reason"), expected));
        }
        Ok(AdjustRow {
            sku: named(self.sku, at, "sku")?,
            location: named(self.location, at, "location")?,
            change,
            reason: self.reason,
        })
    }
}

stock_body! {
    /// Units that a person counted on the shelf, those of orders included.
    CountsJson as Counts {
        /// The rows; at most 1,000.
        #[serde(default, deserialize_with = "or_default")]
        #[schema(required)]
        rows: Vec<CountJson>,
    }
}

/// All units of a SKU at a location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Count)]
struct CountJson {
    /// A known article.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The location's id.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    location: String,
    /// The number of units on the shelf.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false, minimum = 0)]
    counted: Option<i64>,
    /// When the person looked. By default when the request arrives.
    #[serde(default, deserialize_with = "text")]
    #[schema(format = DateTime)]
    seen_at: String,
}

impl CountsJson {
    pub(crate) fn command(self, received_at: SystemTime) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        number_of_rows("rows", self.rows.len(), MOST_ROWS)?;
        let row = |(at, row): (usize, CountJson)| {
            Ok(CountRow {
                sku: named(row.sku, at, "sku")?,
                location: named(row.location, at, "location")?,
                counted: at_least(0, row.counted, at, "counted")?,
                seen_at: placed_at::read(&row.seen_at, &format!("rows[{at}].seen_at"))?,
            })
        };
        let rows: Result<Vec<CountRow>, Invalid> = self.rows.into_iter().enumerate().map(row).collect();
        let mut counts = CountRequested { rows: rows?, request: Some(request.clone()) };
        let command = StockCommand::new(request, &counts);
        // Units move until a worker has time for the count, so a count without a time is of this moment.
        for row in counts.rows.iter_mut().filter(|row| row.seen_at.is_none()) {
            row.seen_at = Some(received_at.into());
        }
        Ok(command.completed(&counts))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;

    use super::*;
    use crate::sources::fields::json;

    #[test]
    fn a_count_without_a_time_is_of_its_arrival_and_its_repeat_is_the_same_request() {
        let body = br#"{ "request_id": "r-1", "rows": [
            { "sku": "A", "location": "main", "counted": 1 },
            { "sku": "B", "location": "main", "counted": 1, "seen_at": "1970-01-01T00:00:01Z" } ] }"#;
        let arrived = |seconds| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let command = json::read::<CountsJson>(body).unwrap().command(at).unwrap();
            let event = CountRequested::decode(command.event.payload.clone()).unwrap();
            let seen: Vec<i64> = event.rows.iter().map(|row| row.seen_at.unwrap().seconds).collect();
            (seen, command.digest)
        };
        let (first, again) = (arrived(60), arrived(90));
        assert_eq!((first.0, again.0), (vec![60, 1], vec![90, 1]));
        assert_eq!(first.1, again.1);
    }
}
