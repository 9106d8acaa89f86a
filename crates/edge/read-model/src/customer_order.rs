//! An order for its customer's page.

use std::time::Duration;

use despatch_contracts::order::Order;
use despatch_status::OrderState;
use jiff::Timestamp;

use crate::order_record::OrderRecord;
use crate::orders::Step;

/// An order, and its record.
#[derive(Debug, Clone)]
pub struct CustomerOrder {
    /// The order as it is now, with its newest address.
    pub order: Order,
    /// Its record.
    pub record: OrderRecord,
    /// The time since its end, by the database's clock; `None` while it is under way.
    pub ended_for: Option<Duration>,
}

impl CustomerOrder {
    pub(crate) fn new(order: Order, record: OrderRecord, now: Timestamp) -> Self {
        let is_end = |step: &&Step| {
            matches!(step.to, OrderState::Completed | OrderState::Cancelled | OrderState::Returned)
        };
        let ended = record.timeline.iter().find(is_end);
        let ended_for = ended.map(|step| now.duration_since(step.at).try_into().unwrap_or_default());
        CustomerOrder { order, record, ended_for }
    }
}
