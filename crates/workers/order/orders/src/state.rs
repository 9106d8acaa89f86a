//! The states of an order and the transitions between them that are allowed.

use std::error::Error;
use std::fmt;

use tokio_postgres::types::{FromSql, Type};

/// Where an order stands. An order of several parcels is as far as the parcel that is least far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Valid; work on it may begin.
    Accepted,
    /// Its units are held.
    Reserved,
    /// Its money is captured.
    Paid,
    /// Every parcel is picked.
    Picked,
    /// Every parcel has its label.
    Labelled,
    /// The carrier has every parcel.
    Despatched,
    /// Every parcel reached the customer.
    Delivered,
    /// Delivered, and the review is answered or lapsed.
    Completed,
    /// Called off before anything was despatched. Final.
    Cancelled,
    /// A parcel came back. Final.
    Returned,
}

impl State {
    /// Every state: the way of an order that goes well, then the two ways out of it.
    pub const ALL: [State; 10] = [
        State::Accepted,
        State::Reserved,
        State::Paid,
        State::Picked,
        State::Labelled,
        State::Despatched,
        State::Delivered,
        State::Completed,
        State::Cancelled,
        State::Returned,
    ];

    /// The name, as it stands in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            State::Accepted => "accepted",
            State::Reserved => "reserved",
            State::Paid => "paid",
            State::Picked => "picked",
            State::Labelled => "labelled",
            State::Despatched => "despatched",
            State::Delivered => "delivered",
            State::Completed => "completed",
            State::Cancelled => "cancelled",
            State::Returned => "returned",
        }
    }

    /// The state of a name; `None` when there is none such.
    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether an order may go from this state to another one.
    ///
    /// Forward, however far: a scan that is missing blocks nothing. Back only from a reservation that ended before its
    /// payment. Out by cancellation until the carrier has the parcels, by return until the order is cancelled.
    pub fn may_become(self, next: State) -> bool {
        match (self, next) {
            (State::Cancelled | State::Returned, _) => false,
            (State::Reserved, State::Accepted) | (_, State::Returned) => true,
            (_, State::Cancelled) => self < State::Despatched,
            _ => self < next,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> FromSql<'a> for State {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        State::parse(name).ok_or_else(|| format!("{name:?} is no state of an order").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
        }
        assert_eq!(State::parse("lost"), None);
    }

    #[test]
    fn what_is_final_is_left_by_nothing() {
        for next in State::ALL {
            assert!(!State::Cancelled.may_become(next));
            assert!(!State::Returned.may_become(next));
        }
    }

    #[test]
    fn an_order_is_cancelled_until_the_carrier_has_it() {
        let cancellable: Vec<_> = State::ALL.into_iter().filter(|s| s.may_become(State::Cancelled)).collect();
        assert_eq!(
            cancellable,
            [State::Accepted, State::Reserved, State::Paid, State::Picked, State::Labelled]
        );
    }

    #[test]
    fn only_a_lapsed_reservation_goes_back() {
        for state in &State::ALL[..8] {
            for earlier in State::ALL.into_iter().filter(|earlier| earlier <= state) {
                let lapse = (*state, earlier) == (State::Reserved, State::Accepted);
                assert_eq!(state.may_become(earlier), lapse, "{state} to {earlier}");
            }
        }
    }
}
