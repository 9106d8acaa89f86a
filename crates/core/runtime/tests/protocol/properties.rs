//! The properties that must hold, checked against the ledger, and those that must be possible, so that the others do
//! not hold for want of events.
//!
//! "Eventually" is expressed as "once nothing is left to do". Both are the same as long as every run ends, which
//! [`crate::every_run_ends`] checks.

use stateright::Property;

use crate::broker::Delivery;
use crate::journal::{ATTEMPTS, Fate};
use crate::messages::{Event, Handler, Message};
use crate::model::Protocol;
use crate::step::Faults;
use crate::world::World;

/// Each generation of an event is recorded at most once by its handler, and at most one as handled. The call may be
/// repeated, by two replicas or after a crash before the record.
pub(crate) const RECORDED_ONCE: &str = "nothing is recorded twice";

/// However often the provider is called, it performs the request once.
pub(crate) const PERFORMED_ONCE: &str = "the provider does nothing twice";

/// Everything that was committed to be published has been recorded by its consumer.
pub(crate) const CONSUMED: &str = "what follows is not lost";

/// Every message is acked, the order is done or dead, and no batch is open.
pub(crate) const SETTLED: &str = "everything is settled";

/// Returns the properties that matter under these faults.
pub(crate) fn of(faults: Faults) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(RECORDED_ONCE, |_, world: &World| !world.ledger.repeat_themselves()),
        Property::always(PERFORMED_ONCE, |_, world: &World| world.provider.effects() <= 1),
        Property::always(CONSUMED, |protocol: &Protocol, world: &World| {
            !world.is_at_rest(protocol.without) || is_everything_consumed(world)
        }),
        Property::always(SETTLED, |protocol: &Protocol, world: &World| {
            !world.is_at_rest(protocol.without) || is_everything_settled(world)
        }),
        Property::sometimes("the order is captured at once", |_, world: &World| ended(world, Fate::Done, 0)),
    ];
    if faults.refusals > 0 {
        properties.push(Property::sometimes("the order is captured by a retry", |_, world: &World| {
            ended(world, Fate::Done, 1)
        }));
    }
    if faults.refusals >= ATTEMPTS {
        properties.push(Property::sometimes("the order is left to a person", |_, world: &World| {
            ended(world, Fate::Dead, ATTEMPTS - 1)
        }));
    }
    if faults.losses > 0 {
        properties.push(Property::sometimes("the broker has lost messages", |_, world: &World| {
            world.broker.has_lost_anything()
        }));
    }
    properties
}

fn is_everything_consumed(world: &World) -> bool {
    world.ledger.promised().all(|message| world.ledger.was_consumed(message) || is_superseded(world, message))
}

/// Returns whether a lost report is of a generation that was followed by another. The journal no longer has it, and the
/// later one's report says more.
fn is_superseded(world: &World, message: Message) -> bool {
    let Event::Report { of } = message.event else { return false };
    let later = world.journal.row(Handler::Capture, Event::Order).is_some_and(|row| row.generation > of);
    later && world.broker.has_lost(message)
}

fn is_everything_settled(world: &World) -> bool {
    world.broker.messages().all(|(_, delivery)| delivery == Delivery::Acked)
        && world.journal.outbox_batches().next().is_none()
        && world.journal.retries().next().is_none()
        && world.journal.row(Handler::Capture, Event::Order).is_some_and(|row| row.fate != Fate::PendingRetry)
}

fn ended(world: &World, fate: Fate, generation: u8) -> bool {
    let row = world.journal.row(Handler::Capture, Event::Order);
    row.is_some_and(|row| row.fate == fate && row.generation == generation)
}
