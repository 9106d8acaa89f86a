//! The moments of an order at which its customer is notified.

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Milestone {
    /// The order is valid.
    Accepted,
    /// A parcel is on its way.
    Despatched,
    /// A parcel has arrived.
    Delivered,
    /// The order was called off.
    Cancelled,
    /// The money is on its way back.
    Refunded,
    /// How was it?
    Review,
    /// How was it, asked again.
    ReviewReminder,
}

impl Milestone {
    #[cfg(test)]
    pub(crate) const ALL: [Milestone; 7] = [
        Milestone::Accepted,
        Milestone::Despatched,
        Milestone::Delivered,
        Milestone::Cancelled,
        Milestone::Refunded,
        Milestone::Review,
        Milestone::ReviewReminder,
    ];

    /// The name, as events, tables, Message-IDs and names of templates have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Milestone::Accepted => "accepted",
            Milestone::Despatched => "despatched",
            Milestone::Delivered => "delivered",
            Milestone::Cancelled => "cancelled",
            Milestone::Refunded => "refunded",
            Milestone::Review => "review",
            Milestone::ReviewReminder => "review-reminder",
        }
    }

    /// Whether a customer who unsubscribed still gets it, because the order itself needs it.
    pub(crate) const fn is_transactional(self) -> bool {
        match self {
            Milestone::Accepted
            | Milestone::Despatched
            | Milestone::Delivered
            | Milestone::Cancelled
            | Milestone::Refunded => true,
            Milestone::Review | Milestone::ReviewReminder => false,
        }
    }
}
