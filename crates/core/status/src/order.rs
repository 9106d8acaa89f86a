//! The states of an order.

use crate::states::states;

/// A committed order that `orders` has not accepted yet. No worker records it, so it is not an [`OrderState`].
pub const PLACED: &str = "placed";

/// An order that was accepted, and is no longer kept. No worker records it, so it is not an [`OrderState`].
pub const PRUNED: &str = "pruned";

states! {
    /// The state of an order. An order is as far as all of its units that we pick.
    ///
    /// The states of a successful order ascend; the two other final states come last.
    pub enum OrderState ("an order") {
        /// Valid; work on it may begin.
        Accepted = "accepted",
        /// Its units are held.
        Reserved = "reserved",
        /// Its money is captured.
        Paid = "paid",
        /// Every unit is picked.
        Picked = "picked",
        /// Every unit is in a parcel with a label.
        Labelled = "labelled",
        /// Every unit is labelled, or can be collected.
        Ready = "ready",
        /// The carrier or the customer has every unit.
        Despatched = "despatched",
        /// Every unit reached the customer.
        Delivered = "delivered",
        /// Delivered, and the review is answered or lapsed; or paid, with nothing to send.
        Completed = "completed",
        /// Cancelled before anything was despatched. Final.
        Cancelled = "cancelled",
        /// A parcel came back. Final.
        Returned = "returned",
    }
}

impl OrderState {
    /// Returns whether an order may go from this state to another one.
    ///
    /// Forward by any distance, because a missing scan blocks nothing. Back only from a reservation that ended before
    /// its payment, or because a parcel that had not left was voided. To cancelled until the parcels have left; to
    /// returned until the order is cancelled.
    pub fn may_become(self, next: OrderState) -> bool {
        match (self, next) {
            (OrderState::Cancelled | OrderState::Returned, _) => false,
            (OrderState::Reserved, OrderState::Accepted) | (_, OrderState::Returned) => true,
            (_, OrderState::Cancelled) => self < OrderState::Despatched,
            (OrderState::Picked | OrderState::Labelled | OrderState::Ready, _) => self != next,
            _ => self < next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_is_left_by_nothing() {
        for next in OrderState::ALL {
            assert!(!OrderState::Cancelled.may_become(*next));
            assert!(!OrderState::Returned.may_become(*next));
        }
    }

    #[test]
    fn an_order_is_cancelled_until_the_carrier_has_it() {
        let states = OrderState::ALL.iter().copied();
        let cancellable: Vec<_> = states.filter(|state| state.may_become(OrderState::Cancelled)).collect();
        assert_eq!(
            cancellable,
            [
                OrderState::Accepted,
                OrderState::Reserved,
                OrderState::Paid,
                OrderState::Picked,
                OrderState::Labelled,
                OrderState::Ready
            ]
        );
    }

    #[test]
    fn only_a_lapsed_reservation_and_a_voided_parcel_go_back() {
        for state in OrderState::ALL.iter().filter(|state| **state <= OrderState::Completed) {
            for earlier in OrderState::ALL.iter().filter(|earlier| *earlier <= state) {
                let lapse = (*state, *earlier) == (OrderState::Reserved, OrderState::Accepted);
                let void = (OrderState::Picked..=OrderState::Ready).contains(state) && earlier < state;
                assert_eq!(state.may_become(*earlier), lapse || void, "{state} to {earlier}");
            }
        }
    }
}
