//! Positions of the stock that a request changes. They are locked for its transaction, so each row is decided by what the rows before
//! it left.

use std::collections::{BTreeMap, BTreeSet};

use despatch_runtime::{DbError, Tx};

use crate::row_result::RowError;
use crate::store;

/// Available units by SKU and location, and how much they change.
pub(crate) struct Positions(BTreeMap<(String, String), Units>);

#[derive(Debug, Clone, Copy, Default)]
struct Units {
    available: i64,
    change: i64,
}

/// Changes of available units: `(SKU, location, change)`.
pub(crate) type Changes<'p> = Vec<(&'p str, &'p str, i64)>;

impl Positions {
    /// Locks these positions, in the order of their keys.
    pub(crate) async fn lock<'k>(
        tx: &Tx<'_>,
        keys: impl Iterator<Item = (&'k str, &'k str)>,
    ) -> Result<Self, DbError> {
        let keys: BTreeSet<(&str, &str)> = keys.collect();
        let locked = store::lock_positions(tx, &keys).await?;
        Ok(Positions(
            locked.into_iter().map(|(key, available)| (key, Units { available, change: 0 })).collect(),
        ))
    }

    /// Returns how many units are available now, after the changes so far.
    pub(crate) fn available(&self, sku: &str, location: &str) -> i64 {
        let units = self.0.get(&(sku.to_owned(), location.to_owned())).copied().unwrap_or_default();
        units.available + units.change
    }

    /// Adds units, or takes them. Fails if fewer are available.
    pub(crate) fn change(&mut self, sku: &str, location: &str, change: i64) -> Result<(), RowError> {
        let available = self.available(sku, location);
        if available + change < 0 {
            let error = format!(
                "expected at most {available} units, which are available, found {}; if the shelf has fewer, enter a count, \
                 which takes units from orders too",
                change.saturating_neg()
            );
            return Err(RowError::new("stock-short", error));
        }
        self.0.entry((sku.to_owned(), location.to_owned())).or_default().change += change;
        Ok(())
    }

    /// Returns the changes.
    pub(crate) fn changes(&self) -> Changes<'_> {
        let changed = self.0.iter().filter(|(_, units)| units.change != 0);
        changed.map(|((sku, location), units)| (sku.as_str(), location.as_str(), units.change)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_decided_by_what_the_changes_before_it_left() {
        let key = ("A".to_owned(), "main".to_owned());
        let mut positions = Positions(BTreeMap::from([(key, Units { available: 3, change: 0 })]));
        assert!(positions.change("A", "main", -2).is_ok());
        let short = positions.change("A", "main", -2).unwrap_err();
        assert_eq!(short.code, "stock-short");
        assert!(short.error.contains("at most 1 units"), "{}", short.error);
        assert!(positions.change("A", "main", 1).is_ok());
        assert!(positions.change("A", "east", 4).is_ok(), "a position that had no units");
        assert_eq!(positions.changes(), [("A", "east", 4), ("A", "main", -1)]);
    }
}
