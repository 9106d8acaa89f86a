//! What each step does to the world.

use crate::ablations::Ablation;
use crate::broker::Broker;
use crate::journal::{ATTEMPTS, Admission, Batch, Fate, Known};
use crate::ledger::Commit;
use crate::messages::{Event, Handler, Message};
use crate::model::{Step, Watch, World};
use crate::provider::Answer;
use crate::workers::{InFlight, Place, Publishing, Restoring};

impl World {
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

    /// `receive` and `admit`: a message off the broker, of which the journal decides whether it is new, awaited, or
    /// stale.
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

    /// `perform`, its first half (`effects`): the ask is committed before the call.
    fn ask(&mut self, place: Place, without: Ablation) {
        let InFlight::Admitted(message) = self.pick(place) else { return };
        let key = self.provider.ask(without);
        self.put(place, InFlight::Asked(message, key));
    }

    /// `perform`, its second half: the call, with no transaction open. A definite refusal closes the ask.
    fn perform(&mut self, place: Place, answer: Answer) {
        let InFlight::Asked(message, key) = self.pick(place) else { return };
        if answer == Answer::Unheard || (answer == Answer::Refused && !self.provider.knows(key)) {
            self.left.refusals -= 1;
        }
        self.provider.perform(key, answer);
        self.put(place, InFlight::Performed(message, answer));
    }

    /// `record`: one transaction for the handler's rows, the journal row, and the outbox batch. Where somebody was faster
    /// the journal is asked again (`fix`).
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

    /// `settle_stale` in `admit`: what a stale message's outbox batches still have yet to publish goes out before its ack.
    fn finish(&mut self, place: Place, without: Ablation) {
        let InFlight::Stale(message) = self.pick(place) else { return };
        let (handler, event) = (message.consumer(), message.event);
        let open: Vec<Batch> = self.journal.open_of(handler, event).collect();
        let unpublished =
            if open.is_empty() { Vec::new() } else { self.journal.unpublished(handler, event, without) };
        self.put(place, InFlight::Publishing(Publishing { unpublished, open, settles: Some(message) }));
    }

    /// `publish`, and the clock's own publishing: one message is stored. Whoever watches the stream stores all at once:
    /// where it might be cut short it is so before the first.
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

    /// `publish`, its last step: the broker is told that the message is settled.
    fn ack(&mut self, place: Place) {
        let InFlight::Settled(message) = self.pick(place) else { return };
        self.broker.ack(message);
    }

    /// A worker downstream takes the message through all of this. Its pipeline is the same, so one step will do; that
    /// it crashes before its ack is the fault [`Step::DeliverAgain`].
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

    /// `fire_retries` in `clock`: a retry that is due is taken under an outbox batch, to be published next.
    fn fire(&mut self, handler: Handler, event: Event, without: Ablation) {
        let (retry, open) = self.journal.fire(handler, event, without);
        let publishing =
            Publishing { unpublished: vec![retry], open: open.into_iter().collect(), settles: None };
        self.put(Place::Clock, InFlight::Publishing(publishing));
    }

    /// `sweep` in `clock`, and the gateway's own publishing. It may come at any age of the batch, in the midst of its
    /// owner's work. One step, because the rows are locked and a sweep that is cut short leaves the batch open.
    fn sweep(&mut self, batch: Batch, without: Ablation) {
        for message in self.journal.unpublished(batch.handler, batch.event, without) {
            self.broker.store(message);
        }
        self.journal.close(batch);
    }

    /// `look` in `recover`. A stream that is not what it was is given everything again that is not known to be settled.
    /// Who has seen nothing yet gives it what is not known to be stored. All others note what is stored and settled.
    pub(crate) fn look(&mut self, without: Ablation) {
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

    /// The stream is what it was, and a little more.
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

    /// `recover`, its end: all is stored again, and the stream is known by the last of it.
    fn restored(&mut self, restoring: &Restoring, without: Ablation) {
        if self.watch != Watch::Restoring {
            // There was a new connection meanwhile: some of it may be lost again.
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

    /// A broker loses nothing while it runs, so everybody's connection is a new one.
    fn reconnect(&mut self, without: Ablation) {
        if without != Ablation::Reconnecting {
            self.watch = Watch::Fresh;
        }
    }

    /// What was in flight is gone; the broker will hand over again what was not acked.
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

    pub(crate) fn hand(&self, place: Place) -> &InFlight {
        &self.in_flight[place as usize]
    }

    fn pick(&mut self, place: Place) -> InFlight {
        std::mem::take(&mut self.in_flight[place as usize])
    }

    fn put(&mut self, place: Place, hand: InFlight) {
        self.in_flight[place as usize] = hand;
    }
}
