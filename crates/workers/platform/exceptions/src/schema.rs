//! The worker's name, which is also its schema's, and the schema's migrations.

use despatch_runtime::Migration;

/// The worker's name, and its schema's.
pub const NAME: &str = "exceptions";

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_cases", sql: include_str!("../migrations/0001_cases.sql") },
    Migration { name: "0002_replays", sql: include_str!("../migrations/0002_replays.sql") },
    Migration { name: "0003_alerts", sql: include_str!("../migrations/0003_alerts.sql") },
];
