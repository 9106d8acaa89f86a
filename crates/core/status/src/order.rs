//! The states of an order.

use crate::states::states;

/// A committed order that `orders` has not accepted yet. No worker records it, so it is not an [`OrderState`].
pub const PLACED: &str = "placed";

/// An order that was accepted, and is no longer kept. No worker records it, so it is not an [`OrderState`].
pub const PRUNED: &str = "pruned";

states! {
    /// The state of an order. An order of several parcels is as far as the parcel that is least far.
    ///
    /// The states of a successful order ascend; the two other final states come last.
    pub enum OrderState ("an order") {
        /// Valid; work on it may begin.
        Accepted = "accepted",
        /// Its units are held.
        Reserved = "reserved",
        /// Its money is captured.
        Paid = "paid",
        /// Every parcel is picked.
        Picked = "picked",
        /// Every parcel has its label.
        Labelled = "labelled",
        /// The carrier has every parcel.
        Despatched = "despatched",
        /// Every parcel reached the customer.
        Delivered = "delivered",
        /// Delivered, and the review is answered or lapsed.
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
    /// its payment. To cancelled until the carrier has the parcels; to returned until the order is cancelled.
    pub fn may_become(self, next: OrderState) -> bool {
        match (self, next) {
            (OrderState::Cancelled | OrderState::Returned, _) => false,
            (OrderState::Reserved, OrderState::Accepted) | (_, OrderState::Returned) => true,
            (_, OrderState::Cancelled) => self < OrderState::Despatched,
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
                OrderState::Labelled
            ]
        );
    }

    #[test]
    fn only_a_lapsed_reservation_goes_back() {
        for state in &OrderState::ALL[..8] {
            for earlier in OrderState::ALL.iter().filter(|earlier| *earlier <= state) {
                let lapse = (*state, *earlier) == (OrderState::Reserved, OrderState::Accepted);
                assert_eq!(state.may_become(*earlier), lapse, "{state} to {earlier}");
            }
        }
    }
}
