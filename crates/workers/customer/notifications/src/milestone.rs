//! The milestones of an order at which its customer is notified.

/// The occasion of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Milestone {
    /// The order is valid.
    Accepted,
    /// Somebody else than the shop sends the order to another address.
    Moved,
    /// The customer can collect a parcel.
    Ready,
    /// The customer collected a parcel.
    Collected,
    /// A parcel is on its way.
    Despatched,
    /// A parcel has arrived.
    Delivered,
    /// The order was cancelled.
    Cancelled,
    /// The money is on its way back.
    Refunded,
    /// The customer is asked for a review.
    Review,
    /// The customer is reminded of the review.
    ReviewReminder,
}

impl Milestone {
    #[cfg(test)]
    pub(crate) const ALL: [Milestone; 10] = [
        Milestone::Accepted,
        Milestone::Ready,
        Milestone::Collected,
        Milestone::Despatched,
        Milestone::Delivered,
        Milestone::Cancelled,
        Milestone::Refunded,
        Milestone::Review,
        Milestone::ReviewReminder,
        Milestone::Moved,
    ];

    /// Returns the name in events, tables, Message-IDs and templates.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Milestone::Accepted => "accepted",
            Milestone::Moved => "moved",
            Milestone::Ready => "ready",
            Milestone::Collected => "collected",
            Milestone::Despatched => "despatched",
            Milestone::Delivered => "delivered",
            Milestone::Cancelled => "cancelled",
            Milestone::Refunded => "refunded",
            Milestone::Review => "review",
            Milestone::ReviewReminder => "review-reminder",
        }
    }

    /// Returns the milestone of the same parcel after which a message about this one is out of date.
    pub(crate) const fn superseded_by(self) -> Option<Milestone> {
        match self {
            Milestone::Ready => Some(Milestone::Collected),
            Milestone::Despatched => Some(Milestone::Delivered),
            Milestone::Accepted
            | Milestone::Moved
            | Milestone::Collected
            | Milestone::Delivered
            | Milestone::Cancelled
            | Milestone::Refunded
            | Milestone::Review
            | Milestone::ReviewReminder => None,
        }
    }

    /// Returns whether customers who unsubscribed still get the message, because the order requires it.
    pub(crate) const fn is_transactional(self) -> bool {
        match self {
            Milestone::Accepted
            | Milestone::Moved
            | Milestone::Ready
            | Milestone::Collected
            | Milestone::Despatched
            | Milestone::Delivered
            | Milestone::Cancelled
            | Milestone::Refunded => true,
            Milestone::Review | Milestone::ReviewReminder => false,
        }
    }
}
