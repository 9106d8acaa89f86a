//! Charges of an order: shipping, fees, duties and tips.

use despatch_contracts::order::{Charge, ChargeKind, TaxLine};

/// Returns a charge of this many minor units. Returns `None` for zero, because nothing is charged.
pub(crate) fn charge(
    kind: ChargeKind,
    title: String,
    amount_minor: i64,
    taxes: Vec<TaxLine>,
) -> Option<Charge> {
    (amount_minor != 0).then(|| Charge { kind: kind.into(), title, amount_minor, taxes })
}
