//! Rows that a worker keeps for a time only.

/// Rows that are pruned some time after they were last needed.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The time's name in [`Settings::retentions`](crate::Settings::retentions); `orders` is `retention.orders_days` in the
    /// configuration.
    pub key: &'static str,
    /// The days if the settings have no time of this name; 0 to keep the rows permanently.
    pub days: u32,
    /// The statement of one step. It prunes at most `$2` (bigint) rows that were last needed before `$1` (timestamptz), and
    /// returns their number as bigint. It may use `$3` (text): ids of orders that were placed before `$1` are less. Rows that
    /// belong together go in one statement, so that a crash between steps leaves nothing half.
    pub sql: String,
}

impl Retention {
    /// Prunes by this statement.
    pub fn new(key: &'static str, days: u32, sql: impl Into<String>) -> Self {
        Retention { key, days, sql: sql.into() }
    }
}
