//! The rows that earlier requests booked, before the rest of them is sent.

use std::time::Duration;

use despatch_read_model::stock::StockRequestRecord;

use super::ids;
use super::rest::{self, Contents, REST_OF};
use super::send::{Sender, Status};
use crate::commands::waiting::within;
use crate::result::{Result, hinted};

impl Sender<'_> {
    /// Returns the rows that were booked by the requests of a cell of `rest_of`, which belong to the delivery `receipt`.
    pub(super) async fn booked_by(&self, cell: &str, receipt: &str) -> Result<Vec<Contents>> {
        let mut rows = Vec::new();
        for last in rest::read(cell)? {
            let (id, parts) = ids::of_part(last);
            let mut found = false;
            for number in 1..=parts {
                // A request of which every row was refused was never made.
                let Some(record) = self.record(&ids::part(id, number)).await? else { continue };
                found = true;
                if record.name != receipt.trim() {
                    let error = format!(
                        "expected rows of the delivery {receipt:?}, found the rest of {:?}",
                        record.name
                    );
                    let hint = format!("--receipt NAME, with the name of the first file: {:?}", record.name);
                    return Err(hinted(error, hint));
                }
                let booked =
                    record.results.into_iter().filter(|row| ["booked", "before"].contains(&&*row.outcome));
                rows.extend(booked.map(|row| (row.sku, row.location, row.quantity)));
            }
            if !found {
                let error = format!("{REST_OF}: expected a known request, found {id:?}");
                return Err(hinted(error, "correct the whole file and send it: each row is booked once"));
            }
        }
        Ok(rows)
    }

    /// Waits for the results of a request; `None` if nobody made it.
    async fn record(&self, request_id: &str) -> Result<Option<StockRequestRecord>> {
        let again = "the same command again";
        let record = within(Duration::from_secs(self.timeout()), async || {
            Ok(match self.status(request_id, again).await? {
                None => Some(None),
                Some(Status { record: Some(record) }) => Some(Some(record)),
                Some(Status { record: None }) => None,
            })
        })
        .await?;
        record.ok_or_else(|| self.late(request_id, again))
    }
}
