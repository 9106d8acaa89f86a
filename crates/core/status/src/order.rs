//! The states of an order.

use crate::states::states;

/// An order that is committed, but that orders has not accepted yet. No worker records it, so it is no [`OrderState`].
pub const PLACED: &str = "placed";

states! {
    /// How far an order is. An order of several parcels is as far as the parcel that is least far.
    ///
    /// The states of an order that goes well ascend; the two ways out of it come last.
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
        /// Called off before anything was despatched. Final.
        Cancelled = "cancelled",
        /// A parcel came back. Final.
        Returned = "returned",
    }
}
