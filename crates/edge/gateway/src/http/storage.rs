//! Reads and commits of requests, for no longer than their senders wait.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use despatch_contracts::Trace;
use despatch_contracts::order::Order;
use despatch_runtime::{DbError, Outbox};
use uuid::Uuid;

use super::error::ApiError;
use crate::ingest::new_order::{NewOrder, largest_order};
use crate::ingest::queue::{IngestQueue, Receipt};
use crate::ingest::submission::Submission;
use crate::ingest::{stock_requests, store};
use crate::sources::stock_json::StockCommand;

/// Access to the gateway's own database and to the workers'.
pub(crate) struct Storage {
    queue: IngestQueue,
    outbox: Outbox,
    /// How long a read may take: as long as a commit.
    read_wait: Duration,
    retry_after_seconds: u64,
}

impl Storage {
    pub(crate) fn new(
        queue: IngestQueue,
        outbox: Outbox,
        read_wait: Duration,
        retry_after_seconds: u64,
    ) -> Self {
        Storage { queue, outbox, read_wait, retry_after_seconds }
    }

    /// Makes a new order of one that was read from a body, unless it is too large for the broker.
    pub(crate) fn new_order(&self, order: Order, body: Bytes) -> Result<NewOrder, ApiError> {
        let limit = largest_order(self.outbox.largest_message());
        Ok(NewOrder::new(order, body, self.outbox.now(), limit)?)
    }

    /// Makes an update of the order that has this id.
    pub(crate) fn update(&self, order: Order, order_id: Uuid) -> Result<NewOrder, ApiError> {
        let limit = largest_order(self.outbox.largest_message());
        Ok(NewOrder::update(order, order_id, limit)?)
    }

    /// Commits a request's submission; returns once it is committed.
    pub(crate) async fn submit(&self, submission: Submission, trace: Trace) -> Result<Receipt, ApiError> {
        let submitted = self.queue.submit(submission, trace).await;
        submitted.map_err(|error| ApiError::not_submitted(error, self.retry_after_seconds))
    }

    /// Returns whether an order sent now would be committed. All who ask share one attempt, which goes through the queue.
    pub(crate) async fn commits(&self) -> Result<(), ApiError> {
        let attempt = async {
            let submitted = self.queue.submit(Submission::Probe, Trace::root()).await;
            submitted.map(drop).map_err(|error| error.to_string())
        };
        let unavailable = ApiError::Unavailable { retry_after_seconds: self.retry_after_seconds };
        self.outbox.commits(attempt).await.map_err(|_| unavailable)
    }

    /// Returns whether the broker stores what is committed. All who ask share one attempt.
    pub(crate) async fn publishes(&self) -> Result<(), ApiError> {
        let unpublished = |why| ApiError::Unpublished { why, retry_after_seconds: self.retry_after_seconds };
        self.outbox.publishes().await.map_err(unpublished)
    }

    /// Returns the deployment's time.
    pub(crate) fn now(&self) -> SystemTime {
        self.outbox.now()
    }

    /// Returns the id of an order that was accepted under this natural key.
    pub(crate) async fn order_id(&self, shop: &str, shop_order_id: &str) -> Result<Option<Uuid>, ApiError> {
        self.read(async {
            store::order_id(&self.outbox.database().client().await?, shop, shop_order_id).await
        })
        .await
    }

    /// Returns the natural key of an order; `None` if it was never accepted.
    pub(crate) async fn natural_key(&self, order_id: Uuid) -> Result<Option<(String, String)>, ApiError> {
        self.read(async { store::natural_key(&self.outbox.database().client().await?, order_id).await }).await
    }

    /// Commits a command about stock, unless the broker takes no event of its size.
    pub(crate) async fn submit_stock(&self, command: StockCommand, trace: Trace) -> Result<(), ApiError> {
        // The rest is for the envelope, and for the dead letter that may carry the event.
        let limit = self.outbox.largest_message() / 4 * 3;
        if command.event.payload.len() > limit {
            return Err(ApiError::TooLarge { limit });
        }
        match self.submit(Submission::Stock(command), trace).await? {
            Receipt::RequestChanged => Err(ApiError::StockRequestChanged),
            Receipt::Noted => Ok(()),
            Receipt::Placed(_) | Receipt::Same(_) | Receipt::Changed(_) | Receipt::Cancelled(_) => {
                Err(ApiError::Rejected)
            }
        }
    }

    /// Returns whether a request about stock with this id came.
    pub(crate) async fn stock_request_is_known(&self, request_id: &str) -> Result<bool, ApiError> {
        self.read(async {
            stock_requests::is_known(&self.outbox.database().client().await?, request_id).await
        })
        .await
    }

    /// Reads from a database.
    pub(crate) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.read_wait, read).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "database read failed"),
            Err(_) => tracing::warn!(timeout = ?self.read_wait, "database read timed out"),
        }
        Err(ApiError::Unavailable { retry_after_seconds: self.retry_after_seconds })
    }
}
