//! The reviews worker: once every parcel of an order is delivered it asks the customer for a review, and reminds on a
//! schedule. It stops at once when the answer comes or the order is cancelled or returned, and says so when every
//! reminder went unanswered.
//!
//! [`store`] has what the edge may read: an order's review.

mod ask;
mod receive;
mod remind;
mod schedule;
mod stop;
pub mod store;

use std::fmt;

use despatch_contracts::review::ReviewAskDue;
use despatch_runtime::{Migration, Worker};
use serde::Deserialize;

use schedule::Schedule;

/// The worker's name, and its schema's.
pub const NAME: &str = "reviews";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_reviews", sql: include_str!("../migrations/0001_reviews.sql") }];

/// When and with which link customers are asked.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// From the delivery of the last parcel to the first ask; may be 0.
    pub ask_after_seconds: u64,
    /// When to remind, each counted from the first ask, in ascending order.
    pub reminders_seconds: Vec<u64>,
    /// From the last reminder (or the first ask, when there is none) until nobody is asked any more.
    pub lapse_after_seconds: u64,
    /// Where customers reach the gateway, e.g. `https://shop.example.com`.
    pub public_url: String,
    /// What the links are signed with; the gateway needs the same.
    pub link_secret: String,
}

/// Everything but the secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("ask_after_seconds", &self.ask_after_seconds)
            .field("reminders_seconds", &self.reminders_seconds)
            .field("lapse_after_seconds", &self.lapse_after_seconds)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// Registers `reviews.ask`, `reviews.remind`, `reviews.receive` and `reviews.stop`.
pub fn worker(config: &Config) -> Worker {
    let schedule = Schedule::new(config);
    Worker::new(NAME, MIGRATIONS)
        .handler(ask::Ask { schedule: schedule.clone() })
        .handler(remind::Remind {
            schedule,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            link_secret: config.link_secret.clone().into_bytes(),
        })
        .handler(receive::Receive)
        .handler(stop::Stop)
        .emits::<ReviewAskDue>()
}
