//! The handlers and what they consume: one order comes in, is captured, and the capture is tracked.

/// A handler. Each belongs to another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Handler {
    /// The outbox. It consumes nothing, because the order is in its journal from the start.
    Outbox,
    /// Consumes the order and asks the provider.
    Capture,
    /// Consumes the follow-on.
    Track,
}

/// The identity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    Order,
    Captured,
    /// The report on a generation of the order above 0.
    Report {
        of: u8,
    },
    /// The order's dead letter.
    Letter,
}

/// A published event with its generation, by which alone retries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Message {
    pub(crate) event: Event,
    pub(crate) generation: u8,
}

impl Message {
    pub(crate) fn first(event: Event) -> Self {
        Message { event, generation: 0 }
    }

    pub(crate) fn consumer(self) -> Handler {
        match self.event {
            Event::Order => Handler::Capture,
            Event::Captured | Event::Report { .. } | Event::Letter => Handler::Track,
        }
    }
}
