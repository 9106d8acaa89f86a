//! The protocol as states and steps. A step is what happens at once: a transaction, a message that is stored, a call.
//! Between any two, everybody else may take theirs, and anything may crash.

use stateright::{Model, Property};

use crate::ablations::Ablation;
use crate::broker::{Broker, Delivery};
use crate::journal::{Batch, Fate, Journal};
use crate::ledger::{Commit, Ledger};
use crate::messages::{Event, Handler, Message};
use crate::provider::{Answer, Provider};
use crate::workers::{InFlight, Place};

/// How much may go wrong in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// Whoever is at work ends, with what it has in flight. It is back at once.
    pub(crate) crashes: u8,
    /// The broker delivers once more what it has delivered.
    pub(crate) deliveries_again: u8,
    /// The broker loses a message that it had acknowledged, or all of them.
    pub(crate) losses: u8,
    /// The provider refuses, or its answer is not received.
    pub(crate) refusals: u8,
}

/// The protocol, or what is left of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) without: Ablation,
    pub(crate) faults: Faults,
}

/// Everything that there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) journal: Journal,
    pub(crate) provider: Provider,
    pub(crate) in_flight: [InFlight; Place::ALL.len()],
    pub(crate) watch: Watch,
    pub(crate) ledger: Ledger,
    pub(crate) left: Faults,
}

/// What whoever watches the stream has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    /// Nothing: its process has started since, or its connection is a new one.
    Fresh,
    /// It publishes again, over the same connection ever since.
    Restoring,
    /// Everything that was recorded before is, or was, on the stream that it sees.
    CaughtUp,
}

/// A step. What each stands for is said where it is [taken](World::take).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Receive(Place, Message),
    Ask(Place),
    Perform(Place, Answer),
    Record(Place),
    Finish(Place),
    Publish(Place),
    Close(Place),
    Ack(Place),
    Consume(Message),
    Fire(Handler, Event),
    Sweep(Batch),
    Look,
    Crash(Place),
    DeliverAgain(Message),
    Lose(Message),
    LoseEverything,
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    /// The order is committed with its outbox batch and the shop has its answer; nothing is published.
    fn init_states(&self) -> Vec<World> {
        let order = Message::first(Event::Order);
        let mut journal = Journal::default();
        journal.take_in(order);
        let mut ledger = Ledger::default();
        ledger.enter(Commit { handler: Handler::Outbox, message: order, fate: Fate::Done });
        vec![World {
            broker: Broker::default(),
            journal,
            provider: Provider::default(),
            in_flight: Default::default(),
            watch: Watch::CaughtUp,
            ledger,
            left: self.faults,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.protocol_steps(self.without, steps);
        world.faults(steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step, self.without);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::of(self.faults)
    }
}

impl World {
    /// What the protocol may do next. While there is anything, something will be done: nobody waits for ever.
    fn protocol_steps(&self, without: Ablation, steps: &mut Vec<Step>) {
        steps.extend(self.due_to(Handler::Track).map(Step::Consume));
        if !steps.is_empty() && self.left.losses == 0 {
            // What is stored and cannot be lost is received sooner or later, and nothing else depends on when.
            steps.truncate(1);
            return;
        }
        for place in Place::ALL {
            match self.hand(place) {
                // Of two replicas that are idle it does not matter which one comes first.
                InFlight::Empty
                    if place == Place::CaptureB && *self.hand(Place::CaptureA) == InFlight::Empty => {}
                InFlight::Empty if place == Place::Watch => {
                    steps.extend(self.is_look_worthwhile(without).then_some(Step::Look));
                }
                InFlight::Restoring(restoring) if restoring.given.is_empty() => {
                    steps.push(Step::Close(place));
                }
                InFlight::Empty if place == Place::Clock => {
                    steps.extend(self.journal.retries().map(|(handler, event)| Step::Fire(handler, event)));
                }
                InFlight::Empty => {
                    let due = self.due_to(Handler::Capture);
                    steps.extend(due.map(|message| Step::Receive(place, message)));
                }
                InFlight::Admitted(_) => steps.push(Step::Ask(place)),
                InFlight::Asked(_, key) => {
                    let answers = self.provider.answers(*key, self.left.refusals > 0);
                    steps.extend(answers.into_iter().map(|answer| Step::Perform(place, answer)));
                }
                InFlight::Performed(..) => steps.push(Step::Record(place)),
                InFlight::Stale(_) => steps.push(Step::Finish(place)),
                InFlight::Publishing(publishing) if publishing.unpublished.is_empty() => {
                    steps.push(Step::Close(place))
                }
                InFlight::Publishing(_) | InFlight::Restoring(_) => steps.push(Step::Publish(place)),
                InFlight::Settled(_) => steps.push(Step::Ack(place)),
                InFlight::Stuck(_) => {}
            }
        }
        let swept = |batch: &Batch| without != Ablation::Sweeper || batch.handler == Handler::Outbox;
        steps.extend(self.journal.outbox_batches().filter(swept).map(Step::Sweep));
    }

    /// A look that changes nothing is not taken, nor one for a loss that cannot come any more.
    fn is_look_worthwhile(&self, without: Ablation) -> bool {
        if self.broker.is_rewound() || self.watch == Watch::Fresh {
            return true;
        }
        let mut next = self.clone();
        next.look(without);
        self.left.losses > 0 && next != *self
    }

    fn due_to(&self, consumer: Handler) -> impl Iterator<Item = Message> {
        let due = self.broker.messages().filter(|(_, delivery)| *delivery == Delivery::Due);
        due.map(|(message, _)| message).filter(move |message| message.consumer() == consumer)
    }

    /// What may go wrong next.
    fn faults(&self, steps: &mut Vec<Step>) {
        if self.left.crashes > 0 {
            let busy = Place::ALL.into_iter().filter(|place| *self.hand(*place) != InFlight::Empty);
            steps.extend(busy.map(Step::Crash));
            // Whoever watches has something to lose even so: what it has seen.
            if self.watch == Watch::CaughtUp && self.broker.has_lost_anything() {
                steps.push(Step::Crash(Place::Watch));
            }
        }
        if self.left.deliveries_again > 0 {
            let delivered = self.broker.messages().filter(|(_, delivery)| *delivery != Delivery::Due);
            steps.extend(delivered.map(|(message, _)| Step::DeliverAgain(message)));
        }
        if self.left.losses > 0 {
            // One that its consumer is done with is missed by nobody; it goes with all the others.
            let wanted = self.broker.messages().filter(|(_, delivery)| *delivery != Delivery::Acked);
            steps.extend(wanted.map(|(message, _)| Step::Lose(message)));
            if self.broker.messages().next().is_some() {
                steps.push(Step::LoseEverything);
            }
        }
    }

    /// Whether nothing is left to do, unless something else goes wrong.
    pub(crate) fn is_at_rest(&self, without: Ablation) -> bool {
        let mut steps = Vec::new();
        self.protocol_steps(without, &mut steps);
        steps.is_empty()
    }
}
