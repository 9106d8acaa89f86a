//! The protections, each of which can be left out.

/// What the protocol is to do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ablation {
    /// The protocol as it is.
    Nothing,
    /// `record` writes no outbox batch with its journal rows.
    OutboxBatch,
    /// The scheduler opens no batch over the retries that it fires.
    BatchOfRetries,
    /// No process finishes the outbox batches of the dead (`scheduler`).
    Sweeper,
    /// The process that finishes an outbox batch publishes the event's follow-ons alone, not its retry that was fired
    /// (`unpublished` in `statements`).
    FiredRetry,
    /// A later generation's row keeps only its own follow-ons while an earlier one's are still unpublished
    /// (`settle_again` in `statements`).
    EarlierOutbox,
    /// Every delivery is admitted (`admit`).
    Admission,
    /// The journal takes a second row for what it has one for (`done` and `settle_again` in `statements`).
    JournalKey,
    /// Any generation of an unsettled event is admitted and recorded.
    Generations,
    /// Messages are acked as they are received.
    AckLast,
    /// Every ask of the provider has a key of its own (`effects`).
    Ledger,
    /// Nothing is made of a broker that has lost messages (`recover`).
    Restoring,
    /// The process that restores takes the stream as it is before all is stored again, not after.
    AcceptingLast,
    /// The process that has restored does not know the stream by what it restored last.
    MarkOfRestored,
    /// A process that starts, or has a new connection, publishes nothing again: it has seen no loss.
    CatchingUp,
    /// Only a process that starts does so.
    Reconnecting,
    /// The process that has done so takes it for stored by what was seen before.
    LookAgain,
    /// What is stored counts as settled, wherever the consumers are.
    Floor,
}
