//! A reservation, as its rows hold it.

use despatch_routing::Allocation;
use despatch_runtime::{DbError, Row};
use tokio_postgres::types::{FromSql, Type, accepts};

/// The state of an order's claim on stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Units are held until the reservation expires.
    Held,
    /// Paid for; lasts until it is shipped or cancelled.
    Confirmed,
    /// Not paid for in time; holds nothing.
    Expired,
    /// The order was cancelled, perhaps before it held anything.
    Cancelled,
}

/// A state that the table's check should have refused.
#[derive(Debug, thiserror::Error)]
#[error("expected a reservation's state, found {0:?}")]
struct UnknownState(String);

impl State {
    const ALL: [State; 4] = [State::Held, State::Confirmed, State::Expired, State::Cancelled];

    /// Returns the state's name, as in the table.
    pub const fn name(self) -> &'static str {
        match self {
            State::Held => "held",
            State::Confirmed => "confirmed",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }
}

impl<'a> FromSql<'a> for State {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = State::ALL.into_iter().find(|state| state.name() == name);
        Ok(state.ok_or_else(|| UnknownState(name.to_owned()))?)
    }

    accepts!(TEXT);
}

/// Returns an allocation from its row.
pub(super) fn allocation(row: &Row) -> Result<Allocation, DbError> {
    Ok(Allocation {
        line: row.try_get::<_, i32>("line")?.cast_unsigned(),
        sku: row.try_get("sku")?,
        location: row.try_get("location")?,
        quantity: row.try_get("quantity")?,
        parcel: row.try_get::<_, i32>("parcel")?.cast_unsigned(),
    })
}
