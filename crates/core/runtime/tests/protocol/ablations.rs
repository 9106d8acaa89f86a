//! Ablations: the protocol without one of its protections.

/// The protection that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ablation {
    /// The protocol as it is.
    Nothing,
    /// `record` writes no outbox batch with its journal rows.
    OutboxBatch,
    /// The scheduler opens no batch over the retries that it fires.
    BatchOfRetries,
    /// No process finishes the outbox batches of dead processes (`sweeper`).
    Sweeper,
    /// The process that finishes an outbox batch publishes only the event's follow-ons, not its due retry
    /// (`unpublished` in `journal/outbox.rs`).
    FiredRetry,
    /// A later generation's row keeps only its own follow-ons while an earlier one's are still unpublished
    /// (`settle_again` in `statements`).
    EarlierOutbox,
    /// Every delivery is admitted (`admit`).
    Admission,
    /// The journal accepts a second row for an event that has one (`done` and `settle_again`).
    JournalKey,
    /// Any generation of an unsettled event is admitted and recorded.
    Generations,
    /// Messages are acked as they are received.
    AckLast,
    /// Every request to the provider has a key of its own (`effects`).
    Ledger,
    /// A loss of messages by the broker is ignored (`recovery`).
    Restoring,
    /// The process that recovers accepts the stream before everything is stored again, not after.
    AcceptingLast,
    /// The process that has recovered does not know the stream by its last republished message.
    MarkOfRestored,
    /// A process that starts or reconnects publishes nothing again, because it has seen no loss.
    CatchingUp,
    /// Only a process that starts publishes again.
    Reconnecting,
    /// The process that has published again takes its messages for stored by an earlier reading.
    LookAgain,
    /// Stored messages count as settled, wherever the consumers are.
    Floor,
}
