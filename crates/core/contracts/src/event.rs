//! Events: the traits of protobuf messages on the stream, and how one handler consumes or emits several types.

use bytes::Bytes;

use crate::Subject;

/// A protobuf message that travels on the stream.
///
/// The type determines the NATS subject: `order.placed` goes to `evt.order.placed`. No worker spells a subject.
pub trait Event: prost::Message + Default + Clone + Send + Sync + 'static {
    /// `<context>.<event>`, e.g. `payment.captured`.
    const TYPE: &'static str;

    /// Returns the event's subject; none if a malformed event does not say.
    fn subject(&self) -> Subject<'_>;
}

/// The events that a handler consumes: one type, or an enum of several (see [`event_enum!`](crate::event_enum)).
pub trait Incoming: Sized + Send + Sync + 'static {
    /// Returns the consumed [`Event::TYPE`]s.
    fn types() -> Vec<&'static str>;

    /// Decodes a payload of the given [`Event::TYPE`].
    fn decode(event_type: &str, payload: Bytes) -> Result<Self, DecodeError>;

    /// Returns the event's subject.
    fn subject(&self) -> Subject<'_>;
}

/// A payload that does not match its type.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The handler does not receive this type.
    #[error("expected an event type that this handler consumes, found {0:?}")]
    UnknownType(String),
    /// The bytes are not that protobuf message.
    #[error("payload: expected a {event_type}, found other bytes: {source}")]
    Payload {
        /// The type that the headers named.
        event_type: String,
        /// The decoder's error.
        source: prost::DecodeError,
    },
}

impl<E: Event> Incoming for E {
    fn types() -> Vec<&'static str> {
        vec![E::TYPE]
    }

    fn decode(event_type: &str, payload: Bytes) -> Result<Self, DecodeError> {
        if event_type != E::TYPE {
            return Err(DecodeError::UnknownType(event_type.to_owned()));
        }
        E::decode(payload)
            .map_err(|source| DecodeError::Payload { event_type: event_type.to_owned(), source })
    }

    fn subject(&self) -> Subject<'_> {
        Event::subject(self)
    }
}

/// An encoded event that a handler returned, not yet addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// [`Event::TYPE`].
    pub event_type: &'static str,
    /// The event's subject as text; see [`Subject`].
    pub subject: String,
    /// The protobuf message.
    pub payload: Bytes,
}

impl<E: Event> From<&E> for Emitted {
    fn from(event: &E) -> Self {
        Emitted {
            event_type: E::TYPE,
            subject: event.subject().into(),
            payload: event.encode_to_vec().into(),
        }
    }
}

/// The follow-ons that a handler may return: none (`()`), one event, `Option`, `Vec`, or a tuple of these.
///
/// A handler declares this type, so its publications are known without running it.
pub trait Emits: Send + 'static {
    /// Returns the [`Event::TYPE`]s that may be emitted.
    fn types() -> Vec<&'static str>;

    /// Encodes the events, in order.
    fn emit(self, into: &mut Vec<Emitted>);
}

impl Emits for () {
    fn types() -> Vec<&'static str> {
        Vec::new()
    }

    fn emit(self, _: &mut Vec<Emitted>) {}
}

impl<E: Event> Emits for E {
    fn types() -> Vec<&'static str> {
        vec![E::TYPE]
    }

    fn emit(self, into: &mut Vec<Emitted>) {
        into.push(Emitted::from(&self));
    }
}

impl<T: Emits> Emits for Option<T> {
    fn types() -> Vec<&'static str> {
        T::types()
    }

    fn emit(self, into: &mut Vec<Emitted>) {
        if let Some(events) = self {
            events.emit(into);
        }
    }
}

impl<T: Emits> Emits for Vec<T> {
    fn types() -> Vec<&'static str> {
        T::types()
    }

    fn emit(self, into: &mut Vec<Emitted>) {
        for events in self {
            events.emit(into);
        }
    }
}

macro_rules! tuples_emit {
    ($($name:ident),+) => {
        impl<$($name: Emits),+> Emits for ($($name,)+) {
            fn types() -> Vec<&'static str> {
                [$($name::types()),+].concat()
            }

            #[allow(non_snake_case, reason = "each element is bound under its type's name")]
            fn emit(self, into: &mut Vec<Emitted>) {
                let ($($name,)+) = self;
                $($name.emit(into);)+
            }
        }
    };
}
tuples_emit!(A, B);
tuples_emit!(A, B, C);
tuples_emit!(A, B, C, D);

/// Declares an enum of events that one handler consumes, each variant named and holding its message.
///
/// ```
/// despatch_contracts::event_enum! {
///     /// The ways in which a parcel's journey ends.
///     pub enum Ended {
///         Delivered(despatch_contracts::shipment::ShipmentDelivered),
///         Returned(despatch_contracts::shipment::ShipmentReturned),
///     }
/// }
/// ```
#[macro_export]
macro_rules! event_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($variant:ident($event:ty)),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        #[allow(missing_docs, reason = "each variant is documented by its message")]
        $vis enum $name { $($variant($event)),+ }

        impl $crate::Incoming for $name {
            fn types() -> Vec<&'static str> {
                vec![$(<$event as $crate::Event>::TYPE),+]
            }

            fn decode(event_type: &str, payload: $crate::Bytes) -> Result<Self, $crate::DecodeError> {
                $(if event_type == <$event as $crate::Event>::TYPE {
                    return <$event as $crate::Incoming>::decode(event_type, payload).map(Self::$variant);
                })+
                Err($crate::DecodeError::UnknownType(event_type.to_owned()))
            }

            fn subject(&self) -> $crate::Subject<'_> {
                match self { $(Self::$variant(event) => $crate::Event::subject(event)),+ }
            }
        }

        $(impl From<$event> for $name {
            fn from(event: $event) -> Self { Self::$variant(event) }
        })+
    };
}
