//! Which handler consumes what: one order comes in, is captured, and the capture is tracked.

/// A handler, each of another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Handler {
    /// The way in. It consumes nothing: the order is in its journal from the start.
    Outbox,
    /// Consumes the order and asks the provider.
    Capture,
    /// Consumes what follows.
    Track,
}

/// What an event id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    Order,
    Captured,
    /// How a generation of the order above the first ended.
    Report {
        of: u8,
    },
    /// The order's dead letter.
    Letter,
}

/// An event as it is published: with its generation, by which alone retries differ.
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
