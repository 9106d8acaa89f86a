//! The state at one moment, and the effect of each step. A step is atomic: a transaction, a stored message, a call.
//! Between any two steps, every other process may take its own, and any may crash.

use crate::ablations::Ablation;
use crate::broker::{Broker, Delivery};
use crate::journal::{ATTEMPTS, Admission, Batch, Fate, Journal, Known};
use crate::ledger::{Commit, Ledger};
use crate::messages::{Event, Handler, Message};
use crate::provider::{Answer, Provider};
use crate::step::{Faults, Step};
use crate::workers::{InFlight, Place, Publishing, Restoring, Watch};

/// The state at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) journal: Journal,
    pub(crate) provider: Provider,
    in_flight: [InFlight; Place::ALL.len()],
    watch: Watch,
    pub(crate) ledger: Ledger,
    left: Faults,
}

impl World {
    /// Returns the state in which the order is committed with its outbox batch and the shop has its answer. Nothing is
    /// published.
    pub(crate) fn accepted(faults: Faults) -> Self {
        let order = Message::first(Event::Order);
        let mut journal = Journal::default();
        journal.accept(order);
        let mut ledger = Ledger::default();
        ledger.enter(Commit { handler: Handler::Outbox, message: order, fate: Fate::Done });
        World {
            broker: Broker::default(),
            journal,
            provider: Provider::default(),
            in_flight: Default::default(),
            watch: Watch::CaughtUp,
            ledger,
            left: faults,
        }
    }

    /// Returns the protocol's possible next steps. While there is one, one will be taken: nothing waits permanently.
    pub(crate) fn protocol_steps(&self, without: Ablation, steps: &mut Vec<Step>) {
        steps.extend(self.due_to(Handler::Track).map(Step::Consume));
        if !steps.is_empty() && self.left.losses == 0 {
            // A stored message that cannot be lost is consumed sooner or later, and nothing else depends on when.
            steps.truncate(1);
            return;
        }
        for place in Place::ALL {
            match self.hand(place) {
                // Of two idle replicas it does not matter which one comes first.
                InFlight::Empty
                    if place == Place::CaptureB && *self.hand(Place::CaptureA) == InFlight::Empty => {}
                InFlight::Empty if place == Place::Watch => {
                    steps.extend(self.is_look_worthwhile(without).then_some(Step::Look));
                }
                InFlight::Restoring(restoring) if restoring.given.is_empty() => {
                    steps.push(Step::Close(place));
                }
                InFlight::Empty if place == Place::Scheduler => {
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
                    steps.push(Step::Close(place));
                }
                InFlight::Publishing(_) | InFlight::Restoring(_) => steps.push(Step::Publish(place)),
                InFlight::Settled(_) => steps.push(Step::Ack(place)),
                InFlight::Stuck(_) => {}
            }
        }
        let swept = |batch: &Batch| without != Ablation::Sweeper || batch.handler == Handler::Outbox;
        steps.extend(self.journal.outbox_batches().filter(swept).map(Step::Sweep));
    }

    /// Returns whether a check can change anything. A check for a loss that cannot happen any more is left out.
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

    /// Returns the possible next faults.
    pub(crate) fn faults(&self, steps: &mut Vec<Step>) {
        if self.left.crashes > 0 {
            let busy = Place::ALL.into_iter().filter(|place| *self.hand(*place) != InFlight::Empty);
            steps.extend(busy.map(Step::Crash));
            // The watcher has something to lose even so: its knowledge.
            if self.watch == Watch::CaughtUp && self.broker.has_lost_anything() {
                steps.push(Step::Crash(Place::Watch));
            }
        }
        if self.left.deliveries_again > 0 {
            let delivered = self.broker.messages().filter(|(_, delivery)| *delivery != Delivery::Due);
            steps.extend(delivered.map(|(message, _)| Step::DeliverAgain(message)));
        }
        if self.left.losses > 0 {
            // A message that its consumer is done with is not missed; it is lost with all the others.
            let wanted = self.broker.messages().filter(|(_, delivery)| *delivery != Delivery::Acked);
            steps.extend(wanted.map(|(message, _)| Step::Lose(message)));
            if self.broker.messages().next().is_some() {
                steps.push(Step::LoseEverything);
            }
        }
    }

    /// Returns whether nothing is left to do, unless there is another fault.
    pub(crate) fn is_at_rest(&self, without: Ablation) -> bool {
        let mut steps = Vec::new();
        self.protocol_steps(without, &mut steps);
        steps.is_empty()
    }

    pub(crate) fn take(&mut self, step: Step, without: Ablation) {
        match step {
            Step::Receive(place, message) => self.receive(place, message, without),
            Step::Ask(place) => self.ask(place, without),
            Step::Perform(place, answer) => self.perform(place, answer),
            Step::Record(place) => self.record(place, without),
            Step::Finish(place) => self.finish(place, without),
            Step::Publish(place) => self.publish(place),
            Step::Close(place) => self.close(place, without),
            Step::Ack(place) => self.ack(place),
            Step::Consume(message) => self.consume(message, without),
            Step::Fire(handler, event) => self.fire(handler, event, without),
            Step::Sweep(batch) => self.sweep(batch, without),
            Step::Look => self.look(without),
            Step::Crash(place) => self.crash(place),
            Step::DeliverAgain(message) => {
                self.left.deliveries_again -= 1;
                self.broker.deliver_again(message);
            }
            Step::Lose(message) => {
                self.left.losses -= 1;
                self.broker.lose(message);
                self.reconnect(without);
            }
            Step::LoseEverything => {
                self.left.losses -= 1;
                self.broker.lose_everything();
                self.reconnect(without);
            }
        }
    }

    /// `receive` and `admit`: a delivered message, of which the journal decides whether it is new, expected or stale.
    fn receive(&mut self, place: Place, message: Message, without: Ablation) {
        self.broker.hand_over(message);
        if without == Ablation::AckLast {
            self.broker.ack(message);
        }
        self.put(
            place,
            match self.journal.admit(message, without) {
                Admission::Admitted => InFlight::Admitted(message),
                Admission::Stale => InFlight::Stale(message),
            },
        );
    }

    /// `perform`, first half (`effects`): the effect is committed before the call.
    fn ask(&mut self, place: Place, without: Ablation) {
        let InFlight::Admitted(message) = self.pick(place) else { return };
        let key = self.provider.ask(without);
        self.put(place, InFlight::Asked(message, key));
    }

    /// `perform`, second half: the call, with no transaction open. A definite refusal closes the effect.
    fn perform(&mut self, place: Place, answer: Answer) {
        let InFlight::Asked(message, key) = self.pick(place) else { return };
        if answer == Answer::Unanswered || (answer == Answer::Refused && !self.provider.knows(key)) {
            self.left.refusals -= 1;
        }
        self.provider.perform(key, answer);
        self.put(place, InFlight::Performed(message, answer));
    }

    /// `record`: one transaction for the handler's rows, the journal row and the outbox batch. If another process was
    /// faster, the journal is asked again (`split_batch`).
    fn record(&mut self, place: Place, without: Ablation) {
        let (message, fate) = match self.pick(place) {
            InFlight::Performed(message, Answer::Done) => (message, Fate::Done),
            InFlight::Performed(message, _) if message.generation + 1 >= ATTEMPTS => (message, Fate::Dead),
            InFlight::Performed(message, _) => (message, Fate::PendingRetry),
            _ => return,
        };
        let entry = Commit { handler: message.consumer(), message, fate };
        let follow_ons = entry.follow_ons();
        let recorded = match self.journal.settle(message, fate, &follow_ons, without) {
            Ok(open) => {
                self.ledger.enter(entry);
                let open = open.into_iter().collect();
                InFlight::Publishing(Publishing { unpublished: follow_ons, open, settles: Some(message) })
            }
            Err(_) if self.journal.admit(message, without) == Admission::Stale => InFlight::Stale(message),
            Err(_) => InFlight::Stuck(message),
        };
        self.put(place, recorded);
    }

    /// `settle_stale`: the unpublished follow-ons of a stale message go out before its ack.
    fn finish(&mut self, place: Place, without: Ablation) {
        let InFlight::Stale(message) = self.pick(place) else { return };
        let (handler, event) = (message.consumer(), message.event);
        let open: Vec<Batch> = self.journal.open_of(handler, event).collect();
        let unpublished =
            if open.is_empty() { Vec::new() } else { self.journal.unpublished(handler, event, without) };
        self.put(place, InFlight::Publishing(Publishing { unpublished, open, settles: Some(message) }));
    }

    /// `publish`, and the scheduler's own publishing: one message is stored. The watcher stores all at once, because an
    /// interruption has the same effect as one before the first.
    fn publish(&mut self, place: Place) {
        match self.pick(place) {
            InFlight::Publishing(mut publishing) => {
                self.broker.store(publishing.unpublished.remove(0));
                self.put(place, InFlight::Publishing(publishing));
            }
            InFlight::Restoring(Restoring { given, rewound }) => {
                let store = if rewound { Broker::store_copy } else { Broker::store };
                for message in given {
                    store(&mut self.broker, message);
                }
                self.put(place, InFlight::Restoring(Restoring { given: Vec::new(), rewound }));
            }
            _ => {}
        }
    }

    /// `publish`: everything is stored, so the outbox batch is deleted.
    fn close(&mut self, place: Place, without: Ablation) {
        match self.pick(place) {
            InFlight::Publishing(publishing) => {
                publishing.open.into_iter().for_each(|batch| self.journal.close(batch));
                self.put(place, publishing.settles.map_or(InFlight::Empty, InFlight::Settled));
            }
            InFlight::Restoring(restoring) => self.restored(&restoring, without),
            _ => {}
        }
    }

    /// `publish`, last step: the message is acked.
    fn ack(&mut self, place: Place) {
        let InFlight::Settled(message) = self.pick(place) else { return };
        self.broker.ack(message);
    }

    /// A downstream worker handles the message. Its pipeline is the same, so one step suffices. Its crash before the
    /// ack is the fault [`Step::DeliverAgain`].
    fn consume(&mut self, message: Message, without: Ablation) {
        let (handler, fate) = (message.consumer(), Fate::Done);
        self.broker.hand_over(message);
        if self.journal.admit(message, without) == Admission::Admitted {
            if self.journal.settle(message, fate, &[], without).is_err() {
                return;
            }
            self.ledger.enter(Commit { handler, message, fate });
        }
        self.broker.ack(message);
    }

    /// `fire_retries` in `scheduler`: a due retry is taken under an outbox batch, to be published next.
    fn fire(&mut self, handler: Handler, event: Event, without: Ablation) {
        let (retry, open) = self.journal.fire(handler, event, without);
        let publishing =
            Publishing { unpublished: vec![retry], open: open.into_iter().collect(), settles: None };
        self.put(Place::Scheduler, InFlight::Publishing(publishing));
    }

    /// `sweep` in `sweeper`, and the gateway's own publishing. It may come at any age of the batch, in the middle of
    /// its owner's work. It is one step, because the rows are locked and an interrupted sweep leaves the batch open.
    fn sweep(&mut self, batch: Batch, without: Ablation) {
        for message in self.journal.unpublished(batch.handler, batch.event, without) {
            self.broker.store(message);
        }
        self.journal.close(batch);
    }

    /// `check` in `recovery`. If the stream is not what it was, everything that is not known to be settled is published
    /// again. A watcher without knowledge publishes what is not known to be stored. All others note what is stored and
    /// settled.
    fn look(&mut self, without: Ablation) {
        let rewound = self.broker.is_rewound();
        if !rewound && self.watch == Watch::CaughtUp {
            self.note(without);
            return;
        }
        if without == Ablation::Restoring || (without == Ablation::CatchingUp && !rewound) {
            self.watch = Watch::CaughtUp;
            self.broker.accept();
            return;
        }
        let given = self.journal.given(if rewound { Known::Settled } else { Known::Stored });
        self.watch = Watch::Restoring;
        self.journal.note(Known::Awaited, Known::Stored);
        self.broker.await_none();
        if without == Ablation::AcceptingLast {
            self.broker.accept();
        }
        self.put(Place::Watch, InFlight::Restoring(Restoring { given, rewound }));
    }

    /// Notes that the stream is what it was, and a little more.
    fn note(&mut self, without: Ablation) {
        self.journal.note_stored();
        self.broker.mark();
        if !self.journal.knows_any(Known::Awaited) && self.journal.knows_any(Known::Stored) {
            self.journal.note(Known::Stored, Known::Awaited);
            self.broker.await_all();
        }
        if self.broker.is_past_the_awaited() || without == Ablation::Floor {
            self.journal.note(Known::Awaited, Known::Settled);
            self.broker.await_none();
        }
    }

    /// `recover`, its end: everything is stored again, and the last message identifies the stream.
    fn restored(&mut self, restoring: &Restoring, without: Ablation) {
        if self.watch != Watch::Restoring {
            // There was a new connection meanwhile, so some of it may be lost again.
            return;
        }
        self.watch = Watch::CaughtUp;
        if restoring.rewound {
            self.broker.accept();
            if without != Ablation::MarkOfRestored {
                self.broker.mark();
            }
        } else if without == Ablation::LookAgain {
            self.journal.note_stored();
        }
    }

    /// A broker loses nothing while it runs, so every process has a new connection.
    fn reconnect(&mut self, without: Ablation) {
        if without != Ablation::Reconnecting {
            self.watch = Watch::Fresh;
        }
    }

    /// Loses what was in flight. The broker delivers again what was not acked.
    fn crash(&mut self, place: Place) {
        self.left.crashes -= 1;
        if place == Place::Watch {
            self.watch = Watch::Fresh;
        }
        let message = match self.pick(place) {
            InFlight::Empty | InFlight::Restoring(_) => None,
            InFlight::Admitted(message)
            | InFlight::Asked(message, _)
            | InFlight::Performed(message, _)
            | InFlight::Stale(message)
            | InFlight::Settled(message)
            | InFlight::Stuck(message) => Some(message),
            InFlight::Publishing(publishing) => publishing.settles,
        };
        if let Some(message) = message {
            self.broker.return_unacked(message);
        }
    }

    fn hand(&self, place: Place) -> &InFlight {
        &self.in_flight[place as usize]
    }

    fn pick(&mut self, place: Place) -> InFlight {
        std::mem::take(&mut self.in_flight[place as usize])
    }

    fn put(&mut self, place: Place, hand: InFlight) {
        self.in_flight[place as usize] = hand;
    }
}
