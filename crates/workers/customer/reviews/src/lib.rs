//! The reviews worker: once every parcel of an order is delivered, it asks the customer for a review and reminds on a
//! schedule. It stops when the customer answers or the order is cancelled or returned, and publishes an event if every
//! reminder stays unanswered.

mod ask;
mod config;
mod receive;
mod remind;
mod schedule;
mod stop;
mod store;

use despatch_contracts::review::ReviewAskDue;
use despatch_runtime::{Migration, Worker};

pub use config::{Config, SetupError};

use schedule::Schedule;

/// The worker's name and schema.
pub const NAME: &str = "reviews";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_reviews", sql: include_str!("../migrations/0001_reviews.sql") }];

/// Creates the worker with `reviews.ask`, `reviews.remind`, `reviews.receive` and `reviews.stop`.
pub fn worker(config: &Config) -> Worker {
    let schedule = Schedule::new(config);
    let mut worker = Worker::new(NAME, MIGRATIONS);
    let ask_due = worker.timer::<ReviewAskDue>();
    worker
        .handler(ask::Ask { schedule: schedule.clone(), ask_due })
        .handler(remind::Remind {
            schedule,
            ask_due,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            link_secret: config.link_secret.clone().into_bytes(),
        })
        .handler(receive::Receive)
        .handler(stop::Stop)
}
