//! The states of an order's review.

use crate::states::states;

states! {
    /// The state of an order's review.
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
