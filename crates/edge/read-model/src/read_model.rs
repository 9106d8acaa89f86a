//! Access to the workers' databases.

use std::sync::Arc;

use despatch_runtime::{Database, DbError, QueryBatcher, Settings};

use crate::articles::{Article, StockLocation};
use crate::customer_order::CustomerOrder;
use crate::databases::Databases;
use crate::deliveries::{DeliveryFilter, ExpectedDelivery, ExpectedDeliveryRow};
use crate::labels::{self, LabelFormat, TrackedParcel};
use crate::order_record::{OrderRecord, Parcel};
use crate::orders::{OrderName, Step};
use crate::stock::{
    LevelFilter, MovementFilter, SkuStock, StockLevel, StockMovement, StockOpening, StockRequestRecord,
};
use crate::{articles, deliveries, messages, orders, payments, reviews, schemas, stock};

/// Connections to each database. Reads are single rows by key, so few are enough.
const CONNECTIONS: usize = 4;

/// Reads the workers' tables. Each worker has its own schema, and may have its own database.
#[derive(Clone)]
pub struct ReadModel {
    orders: Database,
    inventory: Database,
    payments: Database,
    labels: Database,
    scanned: Arc<QueryBatcher>,
    notifications: Database,
    reviews: Database,
}

impl ReadModel {
    /// Prepares to read from the databases of these settings.
    pub fn new(settings: &Settings) -> Result<Self, DbError> {
        let mut databases = Databases::new(settings, |url| Database::with_index_plans(url, CONNECTIONS));
        let labels = databases.of(schemas::LABELS)?;
        Ok(ReadModel {
            orders: databases.of(schemas::ORDERS)?,
            inventory: databases.of(schemas::INVENTORY)?,
            payments: databases.of(schemas::PAYMENTS)?,
            scanned: Arc::new(QueryBatcher::start(labels.clone())),
            labels,
            notifications: databases.of(schemas::NOTIFICATIONS)?,
            reviews: databases.of(schemas::REVIEWS)?,
        })
    }

    /// Returns an order's record; `None` if orders never accepted it. Of an order that is no longer kept, only that is known.
    pub async fn order(&self, order_id: &str) -> Result<Option<OrderRecord>, DbError> {
        let client = self.orders.client().await?;
        let Some(mut progress) = orders::progress(&**client, order_id).await? else {
            return Ok(orders::is_pruned(&**client, order_id).await?.then(OrderRecord::pruned));
        };
        let timeline = orders::timeline(&**client, order_id).await?;
        drop(client);
        let (stages, voided) = (std::mem::take(&mut progress.parcels), std::mem::take(&mut progress.voided));
        let labels = labels::labels_of(&**self.labels.client().await?, order_id).await?;
        Ok(Some(OrderRecord {
            payment: payments::payment_of(&**self.payments.client().await?, order_id).await?,
            parcels: Parcel::all(labels, &stages, &voided),
            messages: messages::messages_of(&**self.notifications.client().await?, order_id).await?,
            review: reviews::review_of(&**self.reviews.client().await?, order_id).await?,
            ..OrderRecord::accepted(progress, timeline)
        }))
    }

    /// Returns an order for its customer's page; `None` if orders never accepted it, or keeps it no longer.
    pub async fn customer_order(&self, order_id: &str) -> Result<Option<CustomerOrder>, DbError> {
        let client = self.orders.client().await?;
        let Some(order) = orders::accepted(&**client, order_id).await? else { return Ok(None) };
        let now = orders::now(&**client).await?;
        drop(client);
        let record = self.order(order_id).await?;
        Ok(record.map(|record| CustomerOrder::new(order, record, now)))
    }

    /// Returns an order's timeline, oldest entry first.
    pub async fn timeline(&self, order_id: &str) -> Result<Vec<Step>, DbError> {
        orders::timeline(&**self.orders.client().await?, order_id).await
    }

    /// Returns the id of the accepted order with a shop's id `shop_order_id`.
    pub async fn find_order(&self, shop: &str, shop_order_id: &str) -> Result<Option<String>, DbError> {
        orders::find(&**self.orders.client().await?, shop, shop_order_id).await
    }

    /// Returns how people name these orders; those that were never accepted are left out.
    pub async fn order_names(&self, order_ids: &[String]) -> Result<Vec<OrderName>, DbError> {
        orders::names(&**self.orders.client().await?, order_ids).await
    }

    /// Returns a label's document; `None` if there is no such label, or none in this format.
    pub async fn label(&self, label_id: &str, format: LabelFormat) -> Result<Option<Vec<u8>>, DbError> {
        labels::document(&**self.labels.client().await?, label_id, format).await
    }

    /// Returns the id of the order that has this payment of a provider; `None` if none has claimed it.
    pub async fn order_of_payment(&self, provider: &str, reference: &str) -> Result<Option<String>, DbError> {
        payments::claimed_by(&**self.payments.client().await?, provider, reference).await
    }

    /// Returns units by SKU and location, at most `limit` levels.
    pub async fn stock_levels(
        &self,
        filter: LevelFilter<'_>,
        limit: usize,
    ) -> Result<Vec<StockLevel>, DbError> {
        stock::levels(&**self.inventory.client().await?, filter, limit).await
    }

    /// Returns what there is of a SKU; `None` if nobody knows it.
    pub async fn stock_of(&self, sku: &str) -> Result<Option<SkuStock>, DbError> {
        stock::stock_of(&**self.inventory.client().await?, sku).await
    }

    /// Returns where the units of a SKU were at the time since which movements are kept; `None` if all are.
    pub async fn opening_stock(
        &self,
        sku: &str,
        location: Option<&str>,
    ) -> Result<Option<StockOpening>, DbError> {
        stock::opening(&**self.inventory.client().await?, sku, location).await
    }

    /// Returns movements of a SKU, the oldest first, at most `limit`.
    pub async fn movements(
        &self,
        filter: MovementFilter<'_>,
        limit: usize,
    ) -> Result<Vec<StockMovement>, DbError> {
        stock::movements(&**self.inventory.client().await?, filter, limit).await
    }

    /// Returns what became of a request about stock; `None` while nobody has worked on it.
    pub async fn stock_request(&self, request_id: &str) -> Result<Option<StockRequestRecord>, DbError> {
        stock::request(&**self.inventory.client().await?, request_id).await
    }

    /// Returns announced deliveries by due time and name, at most `limit`.
    pub async fn deliveries(
        &self,
        filter: DeliveryFilter<'_>,
        limit: usize,
    ) -> Result<Vec<ExpectedDelivery>, DbError> {
        deliveries::deliveries(&**self.inventory.client().await?, filter, limit).await
    }

    /// Returns a delivery and its rows; `None` if nobody announced it.
    pub async fn delivery(
        &self,
        name: &str,
    ) -> Result<Option<(ExpectedDelivery, Vec<ExpectedDeliveryRow>)>, DbError> {
        deliveries::delivery_of(&**self.inventory.client().await?, name).await
    }

    /// Returns articles by SKU, those after `after`, at most `limit`.
    pub async fn articles(&self, after: &str, limit: usize) -> Result<Vec<Article>, DbError> {
        articles::articles(&**self.inventory.client().await?, after, limit).await
    }

    /// Returns all locations by rank.
    pub async fn locations(&self) -> Result<Vec<StockLocation>, DbError> {
        articles::locations(&**self.inventory.client().await?).await
    }

    /// Returns the parcel with this tracking number; `None` if it is not ours, or its label is not recorded yet.
    pub async fn parcel(
        &self,
        carrier: &str,
        tracking_number: &str,
    ) -> Result<Option<TrackedParcel>, DbError> {
        labels::parcel_by_tracking(&self.scanned, carrier, tracking_number).await
    }
}
