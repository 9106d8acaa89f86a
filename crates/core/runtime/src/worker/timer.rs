//! Timers that a worker's handlers set.

use std::fmt;
use std::marker::PhantomData;

use despatch_contracts::Event;

/// The right to set durable timers for events of type `E`. [`Worker::timer`](crate::Worker::timer) grants it, so the
/// event types of a worker's timers are known when the worker starts.
pub struct Timer<E>(PhantomData<fn() -> E>);

impl<E: Event> Timer<E> {
    pub(crate) fn new() -> Self {
        Timer(PhantomData)
    }
}

impl<E> Clone for Timer<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Timer<E> {}

impl<E: Event> fmt::Debug for Timer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer({})", E::TYPE)
    }
}
