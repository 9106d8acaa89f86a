//! Compares what a person counted with what the ledger had when the person looked, and moves the difference. Missing units come from
//! those that nobody holds, then from orders, from the latest promise backwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use despatch_contracts::Event as _;
use despatch_contracts::stock::{CountRequested, CountRow, StockWithdrawn};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::position::Positions;
use crate::request::{self, Known, check_quantity};
use crate::row_result::{RowError, RowResult};
use crate::store::{self, Held, Movement, Recorded};

/// Records counts, row by row.
#[derive(Debug)]
pub struct Count;

impl Handler for Count {
    const NAME: &'static str = "inventory.count";
    const POLICY: Policy = request::ALONE;
    type In = CountRequested;
    type Out = Vec<StockWithdrawn>;
    type Error = InventoryError;

    async fn record(
        &self,
        event: &CountRequested,
        tx: &Tx<'_>,
    ) -> Result<Vec<StockWithdrawn>, InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(Vec::new()) };
        let known = Known::read(tx, event.rows.iter().map(|row| row.sku.as_str()).collect()).await?;
        let mut seen = BTreeSet::new();
        let checks: Vec<_> = event
            .rows
            .iter()
            .map(|row| {
                check(row, &known)?;
                if seen.insert((&*row.sku, &*row.location)) { Ok(()) } else { Err(twice()) }
            })
            .collect();
        let mut positions = Positions::lock(tx, seen.into_iter()).await?;
        let rows: Vec<_> = event.rows.iter().map(|row| (&*row.sku, &*row.location, seen_at(row))).collect();
        let recorded = store::recorded_at(tx, &rows).await?;
        let mut gone = Vec::new();
        let mut results = Vec::with_capacity(rows.len());
        let mut movements = Vec::new();
        for (at, ((row, recorded), check)) in event.rows.iter().zip(&recorded).zip(checks).enumerate() {
            let result = RowResult::booked(at, &row.sku, &row.location, row.counted);
            if let Err(error) = check.and_then(|()| recorded.check()) {
                results.push(result.refused(error));
                continue;
            }
            let difference = Difference::of(row, recorded, &positions);
            results.push(result.of_count(difference.available - difference.from_orders));
            difference.movements(row, &mut movements);
            // Never more than there are.
            drop(positions.change(&row.sku, &row.location, difference.available));
            if difference.from_orders > 0 {
                gone.push((&*row.sku, &*row.location, difference.from_orders));
            }
        }
        let held = store::take_from_orders(tx, &gone).await?;
        for held in &held {
            let row = results.iter_mut().find(|row| row.is_booked_of(&held.sku, &held.location));
            if let Some(row) = row {
                row.takes_from(&held.order_id, held.quantity);
            }
        }
        let seen: BTreeMap<_, _> = rows.iter().map(|(sku, location, at)| ((*sku, *location), *at)).collect();
        movements.extend(held.iter().map(|held| Movement {
            order: Some((&held.order_id, held.parcel)),
            seen_at: seen.get(&(&*held.sku, &*held.location)).copied().flatten(),
            ..Movement::new(&held.sku, &held.location, held.quantity, "reserved", "missing")
        }));
        let cause = (CountRequested::TYPE, request.request_id.as_str(), request.by.as_str());
        store::move_units(tx, cause, &positions.changes(), &movements).await?;
        request::record(tx, &request, (CountRequested::TYPE, ""), results, false).await?;
        Ok(held.iter().map(|held| withdrawn(held, &request.request_id)).collect())
    }
}

/// How a count differs from the ledger, by bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Difference {
    /// How much `available` changes.
    available: i64,
    /// Units that were missing and are found again.
    found_again: i64,
    /// Units that orders hold and that are gone.
    from_orders: i64,
}

impl Difference {
    fn of(row: &CountRow, recorded: &Recorded, positions: &Positions) -> Self {
        let difference = row.counted - recorded.units;
        if difference >= 0 {
            return Difference {
                available: difference,
                found_again: difference.min(recorded.missing),
                from_orders: 0,
            };
        }
        let gone = -difference;
        let taken = gone.min(positions.available(&row.sku, &row.location));
        // A unit that left meanwhile is neither here nor with an order.
        Difference { available: -taken, found_again: 0, from_orders: (gone - taken).min(recorded.reserved) }
    }

    fn movements<'m>(self, row: &'m CountRow, movements: &mut Vec<Movement<'m>>) {
        let mut add = |quantity: i64, from, to, reason| {
            if quantity > 0 {
                let movement = Movement::new(&row.sku, &row.location, quantity, from, to);
                movements.push(Movement { reason, seen_at: seen_at(row), ..movement });
            }
        };
        add(-self.available, "available", "missing", "");
        add(self.found_again, "missing", "available", "found");
        add(self.available - self.found_again, "supplier", "available", "found");
    }
}

fn check(row: &CountRow, known: &Known) -> Result<(), RowError> {
    known.check_sku(&row.sku)?;
    known.check_location(&row.location)?;
    check_quantity("counted", row.counted, 0)
}

fn twice() -> RowError {
    RowError::new("row-twice", "expected one count of a SKU at a location, found another one in this request")
}

impl Recorded {
    /// Fails if nobody can say what was there when the person looked, or if a count was booked whose person looked later: that one
    /// found what this one would correct again.
    fn check(&self) -> Result<(), RowError> {
        if !self.is_known {
            let error = "expected a time since which movements are kept, found an earlier one; count again";
            return Err(RowError::new("seen-too-early", error));
        }
        let Some(since) = self.corrected_since else { return Ok(()) };
        let since = jiff::Timestamp::try_from(since).unwrap_or(jiff::Timestamp::MAX);
        let error = format!(
            "expected the newest count, found an older one than that of {since:.0}, which is booked; count again if in doubt"
        );
        Err(RowError::new("counted-since", error))
    }
}

/// When the person looked; `None` for now, and for a time that cannot be.
fn seen_at(row: &CountRow) -> Option<SystemTime> {
    row.seen_at.and_then(|at| SystemTime::try_from(at).ok())
}

fn withdrawn(held: &Held, request_id: &str) -> StockWithdrawn {
    StockWithdrawn {
        order_id: held.order_id.clone(),
        // Neither is below 1.
        line: held.line.cast_unsigned(),
        parcel: held.parcel.cast_unsigned(),
        sku: held.sku.clone(),
        location: held.location.clone(),
        quantity: held.quantity,
        request_id: request_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(difference: Difference) -> Vec<(i64, &'static str, &'static str)> {
        let row = CountRow { sku: "A".into(), location: "main".into(), ..CountRow::default() };
        let mut movements = Vec::new();
        difference.movements(&row, &mut movements);
        movements.iter().map(|it| (it.quantity, it.from, it.to)).collect()
    }

    #[test]
    fn what_is_found_was_missing_first_and_what_is_gone_was_available_first() {
        let found = Difference { available: 5, found_again: 2, from_orders: 0 };
        assert_eq!(moved(found), [(2, "missing", "available"), (3, "supplier", "available")]);
        let gone = Difference { available: -4, found_again: 0, from_orders: 1 };
        assert_eq!(moved(gone), [(4, "available", "missing")]);
    }
}
