//! The stock keeper at work: sends each request until it is answered, as the command line does, and reads the outcomes in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use despatch_order_files::{FileOrder, GatewayClient, PlaceError};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::command::{CountRow, StockCommand, StockRequest};
use super::plan::{self, Finds, Planned, Sending, Shelf, Task};
use crate::stock::LOCATION_IDS;

/// Articles of which it keeps the stock: those that most orders want.
const ARTICLES: usize = 60;

/// The longest wait for the outcome of a request on which another one depends. It is that of the command line.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A person who keeps the stock by the gateway's API.
#[derive(Clone)]
pub struct StockKeeper {
    gateway: GatewayClient,
    plan: Vec<Planned>,
}

/// A request that was answered 202.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The request.
    pub request: StockRequest,
    /// The answer to another request with its id, which must be a refusal, if there was one.
    pub altered: Option<StatusCode>,
}

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The request.
    pub asked: Asked,
    /// The results. None while it is pending.
    pub record: Option<RequestRecord>,
}

/// The results of a request, as far as the audit looks at them.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestRecord {
    /// Rows that were refused.
    pub refused: usize,
    /// One for each row.
    pub results: Vec<RowOutcome>,
}

/// The result of a row.
#[derive(Debug, Clone, Deserialize)]
pub struct RowOutcome {
    /// The article.
    #[serde(default)]
    pub sku: String,
    /// The location's id.
    #[serde(default)]
    pub location: String,
    /// The number of units.
    #[serde(default)]
    pub quantity: i64,
    /// `booked`, `before`, `refused` or `withheld`.
    pub outcome: String,
}

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The gateway refuses it.
    #[error("request {request_id}: {refused}")]
    Refused {
        /// The request's id.
        request_id: String,
        /// The gateway's answer.
        refused: PlaceError,
    },
}

#[derive(Deserialize)]
struct Status {
    record: Option<RequestRecord>,
}

#[derive(Deserialize)]
struct Levels {
    levels: Vec<Level>,
}

#[derive(Deserialize)]
struct Level {
    sku: String,
    location: String,
    available: i64,
    reserved: i64,
}

impl StockKeeper {
    /// Creates a stock keeper who will send this many requests about the articles that these orders want most.
    pub fn new(gateway: GatewayClient, seed: u64, orders: &[FileOrder], requests: usize) -> Self {
        let plan = plan::draw(seed, &wanted_most(orders), &LOCATION_IDS, requests);
        StockKeeper { gateway, plan }
    }

    /// Returns the number of requests.
    pub fn requests(&self) -> usize {
        self.plan.len()
    }

    /// Sends the request at this place of the plan until it is answered.
    pub async fn send(&self, place: usize) -> Result<Asked, KeeperError> {
        let Planned { request_id, task, sending, after } = &self.plan[place];
        if let Some(after) = after {
            // Without an outcome the person goes on, as the command line does.
            let _ = tokio::time::timeout(OUTCOME_TIMEOUT, self.settled(after)).await;
        }
        let command = match task {
            Task::Ask(command) => command.clone(),
            Task::Count(shelves) => self.count(shelves).await,
        };
        let request = StockRequest { request_id: request_id.clone(), command };
        let refused = |refused| KeeperError::Refused { request_id: request_id.clone(), refused };
        let mut altered = None;
        if *sending == Sending::Together {
            let (one, other) = tokio::join!(self.ask(&request, ""), self.ask(&request, ""));
            one.and(other).map_err(refused)?;
        } else {
            self.ask(&request, "").await.map_err(refused)?;
        }
        match sending {
            Sending::Once | Sending::Together => {}
            Sending::Twice => self.ask(&request, "").await.map_err(refused)?,
            Sending::Altered => {
                altered = Some(match self.ask(&request, "not the same").await {
                    Ok(()) => StatusCode::ACCEPTED,
                    Err(PlaceError::Refused { status, .. }) => status,
                    Err(other) => return Err(refused(other)),
                });
            }
        }
        Ok(Asked { request, altered })
    }

    /// Reads what became of a request, as it is now.
    pub async fn outcome(&self, asked: Asked) -> Result<Outcome, PlaceError> {
        let record = self.record(&asked.request.request_id).await?;
        Ok(Outcome { asked, record })
    }

    /// Sends a request until it is answered, and every time as the same one.
    async fn ask(&self, request: &StockRequest, note: &str) -> Result<(), PlaceError> {
        let (path, body) = (request.path(), request.body(note));
        loop {
            match self.gateway.send::<Value>(Method::POST, &path, &body).await {
                Ok(_) => return Ok(()),
                Err(error) if is_temporary(&error) => {}
                Err(refused) => return Err(refused),
            }
        }
    }

    async fn record(&self, request_id: &str) -> Result<Option<RequestRecord>, PlaceError> {
        let status = self.gateway.get::<Status>(&format!("/v1/stock/requests/{request_id}"), &[]).await?;
        Ok(status.record)
    }

    /// Waits until a request has an outcome. It may not even be sent yet.
    async fn settled(&self, request_id: &str) {
        while !matches!(self.record(request_id).await, Ok(Some(_))) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks at shelves, and returns what to report.
    async fn count(&self, shelves: &[Shelf]) -> StockCommand {
        let mut rows = Vec::with_capacity(shelves.len());
        for Shelf { sku, location, finds, notes_time } in shelves {
            let seen_at = if *notes_time { Timestamp::now().to_string() } else { String::new() };
            let level = match finds {
                Finds::AsRecorded | Finds::More(_) | Finds::Fewer(_) => self.level(sku, location).await,
                Finds::BelowReserved(_) => self.scarcest_reserved().await,
            };
            let Level { sku, location, available, reserved } = level.unwrap_or_else(|| Level {
                sku: sku.clone(),
                location: location.clone(),
                available: 0,
                reserved: 0,
            });
            let counted = finds.counted(available, reserved);
            rows.push(CountRow { sku, location, counted, seen_at });
        }
        StockCommand::Count(rows)
    }

    /// Returns the units of an article at a location; none of one that is not known.
    async fn level(&self, sku: &str, location: &str) -> Option<Level> {
        let levels = self.levels(&format!("/v1/stock/{sku}"), &[]).await;
        levels.into_iter().find(|level| level.location == location)
    }

    /// Returns the position with the fewest available units of those at which orders hold some, of the first thousand. So later
    /// orders lose little.
    async fn scarcest_reserved(&self) -> Option<Level> {
        let levels = self.levels("/v1/stock", &[("limit", "1000")]).await;
        levels.into_iter().filter(|level| level.reserved > 0).min_by_key(|level| level.available)
    }

    async fn levels(&self, path: &str, params: &[(&str, &str)]) -> Vec<Level> {
        loop {
            match self.gateway.get::<Levels>(path, params).await {
                Ok(stock) => return stock.levels,
                Err(error) if is_temporary(&error) => {}
                Err(_) => return Vec::new(),
            }
        }
    }
}

fn is_temporary(error: &PlaceError) -> bool {
    match error {
        PlaceError::Unreachable(_) => true,
        PlaceError::Refused { status, .. } => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
    }
}

/// Returns the articles that most orders want, those first of which more units are wanted.
fn wanted_most(orders: &[FileOrder]) -> Vec<String> {
    let mut wanted = BTreeMap::<&str, i64>::new();
    for (sku, units) in orders.iter().flat_map(|order| &order.units).filter(|(sku, _)| !sku.is_empty()) {
        *wanted.entry(sku).or_default() += units;
    }
    let mut wanted: Vec<(&str, i64)> = wanted.into_iter().collect();
    wanted.sort_by_key(|(_, units)| -units);
    wanted.into_iter().take(ARTICLES).map(|(sku, _)| sku.to_owned()).collect()
}
