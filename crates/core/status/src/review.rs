//! The states of asking a customer for a review.

use crate::states::states;

states! {
    /// How far the asking for an order's review is.
    pub enum ReviewState ("a review") {
        /// Not every parcel is delivered yet.
        AwaitingDelivery = "awaiting-delivery",
        /// The customer is asked, or will be.
        Asking = "asking",
        /// The customer answered.
        Answered = "answered",
        /// The order was cancelled or returned; the customer is not asked again.
        Stopped = "stopped",
        /// Every ask went unanswered; the customer is not asked again.
        Lapsed = "lapsed",
    }
}
