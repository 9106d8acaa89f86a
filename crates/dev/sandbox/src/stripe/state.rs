//! Stripe's state: intents, refunds and answered keys. Each change is in the log before its answer is sent.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::command::Command;
use super::dispute::Dispute;
use super::form::Pairs;
use super::intent::{Intent, Status, order_of};
use super::keys::{IdempotencyKeys, Ticket};
use super::refund::Refund;
use super::refusal::Refusal;
use super::webhook::Event;
use crate::counts::OrderCounter;
use crate::digest;
use crate::error::SandboxError;
use crate::faults::Fault;
use crate::log::{Log, Span};
use crate::time::now_ms;

/// One line of the log: the objects after a request, and the answer of its key.
#[derive(Serialize, Deserialize)]
struct Line {
    at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<Intent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Refund>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<Dispute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Keyed>,
}

#[derive(Serialize, Deserialize)]
struct Keyed {
    key: Box<str>,
    fingerprint: u64,
    status: u16,
    body: Box<RawValue>,
}

/// The changes of a command, computed before anything is written.
#[derive(Default)]
struct Change {
    intent: Option<Intent>,
    refund: Option<Refund>,
    dispute: Option<Dispute>,
    events: Vec<Event>,
}

pub(super) struct StripeState {
    seed: u64,
    log: Log,
    intents: Vec<Intent>,
    by_id: HashMap<Box<str>, usize>,
    by_order: HashMap<Box<str>, Vec<usize>>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    /// Events since the last call of [`StripeState::take_events`].
    events: Vec<Event>,
    pub(super) keys: IdempotencyKeys,
}

impl StripeState {
    pub(super) fn open(dir: Option<&Path>, seed: u64, key_window: Duration) -> Result<Self, SandboxError> {
        let mut state = Self {
            seed,
            log: Log::open(None, "stripe.jsonl")?,
            intents: Vec::new(),
            by_id: HashMap::new(),
            by_order: HashMap::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            events: Vec::new(),
            keys: IdempotencyKeys::new(key_window),
        };
        let mut log = Log::open(dir, "stripe.jsonl")?;
        log.replay(|line: Line, span| {
            let Line { intent, refund, dispute, .. } = line;
            state.apply(Change { intent, refund, dispute, events: Vec::new() });
            if let Some(keyed) = line.answer {
                state.keys.answer(&keyed.key, keyed.fingerprint, line.at_ms, span);
            }
        })?;
        state.log = log;
        Ok(state)
    }

    /// Runs `command`, logs its result, and answers.
    pub(super) fn run(&mut self, command: &Command, fault: Option<Fault>, ticket: Option<&Ticket>) -> Answer {
        let at_ms = now_ms();
        let (change, result) = match fault {
            Some(Fault::ServerError) => (Change::default(), Err(Refusal::server_error())),
            _ => self.decide(command, fault == Some(Fault::Decline), at_ms / 1000),
        };
        let answer = Answer::from(result);
        match self.write(at_ms, &change, &answer, ticket) {
            Ok(()) => {
                self.apply(change);
                answer
            }
            Err(error) => {
                tracing::error!(%error, "sandbox state write failed");
                Refusal::server_error().into()
            }
        }
    }

    fn decide(&self, command: &Command, decline: bool, now: i64) -> (Change, Result<Value, Refusal>) {
        match command {
            Command::Create(create) => {
                let serial = self.intents.len() as u64;
                let intent = Intent::confirm(self.id("pi", serial), create, now, decline);
                let intent = intent.reviewed(self.id("prv", serial));
                let opened = intent.review.as_ref().map(|it| event("review.opened", it.json(&intent)));
                let result = match intent.declined.as_deref() {
                    Some(code) => Err(Refusal::declined(code, intent.charge(), intent.json())),
                    None => Ok(intent.json()),
                };
                let events = opened.into_iter().collect();
                (Change { intent: Some(intent), events, ..Change::default() }, result)
            }
            Command::Capture { intent, amount } => {
                let (mut change, result) =
                    self.change(intent, "intent", |intent| intent.capture(*amount, decline));
                if let Some(intent) = change.intent.as_ref().filter(|_| result.is_ok()) {
                    change.dispute =
                        Dispute::after_capture(intent, self.id("du", self.disputes.len() as u64), now);
                    let disputed =
                        change.dispute.as_ref().map(|it| event("charge.dispute.created", it.json()));
                    change.events.extend(disputed);
                }
                (change, result)
            }
            Command::Cancel { intent, reason } => {
                let (mut change, result) =
                    self.change(intent, "intent", |intent| intent.cancel(reason.as_deref(), now));
                if let Ok(intent) = &result {
                    change.events.push(event("payment_intent.canceled", intent.clone()));
                }
                (change, result)
            }
            Command::Refund { intent, amount, metadata } => self.refund(intent, *amount, metadata, now),
            Command::Approve { review } => self.approve(review),
            Command::CloseDispute { dispute, evidence } => self.close(dispute, evidence.as_deref()),
        }
    }

    fn refund(
        &self,
        intent: &str,
        amount: Option<i64>,
        metadata: &Pairs,
        now: i64,
    ) -> (Change, Result<Value, Refusal>) {
        let mut given = 0;
        let (mut change, result) = self.change(intent, "payment_intent", |intent| {
            given = intent.refund(amount)?;
            Ok(())
        });
        let Some(intent) = change.intent.as_mut().filter(|_| result.is_ok()) else {
            return (change, result);
        };
        let mut refund = Refund {
            id: self.id("re", self.refunds.len() as u64).into(),
            intent: intent.id.clone(),
            charge: intent.charge().into(),
            amount: given,
            currency: intent.currency,
            metadata: metadata.clone(),
            created: now,
            failed: false,
        };
        // The bank of such a card answers later than Stripe.
        let shown = refund.json();
        change.events.push(event("refund.created", shown.clone()));
        change.events.push(event("charge.refunded", intent.charge_json()));
        if intent.refunds_fail() {
            intent.unrefund(given);
            refund.failed = true;
            change.events.push(event("refund.failed", refund.json()));
        }
        change.refund = Some(refund);
        (change, Ok(shown))
    }

    fn approve(&self, review: &str) -> (Change, Result<Value, Refusal>) {
        let mut intent = match self.reviewed(review) {
            Ok(intent) => intent.clone(),
            Err(refusal) => return (Change::default(), Err(refusal)),
        };
        if let Some(review) = &mut intent.review {
            review.open = false;
        }
        let shown = intent.review.as_ref().map_or(Value::Null, |review| review.json(&intent));
        let events = vec![event("review.closed", shown.clone())];
        (Change { intent: Some(intent), events, ..Change::default() }, Ok(shown))
    }

    /// Returns a review, in Stripe's format.
    pub(super) fn review(&self, id: &str) -> Result<Value, Refusal> {
        let intent = self.reviewed(id)?;
        Ok(intent.review.as_ref().map_or(Value::Null, |review| review.json(intent)))
    }

    fn reviewed(&self, review: &str) -> Result<&Intent, Refusal> {
        let is_it = |intent: &&Intent| intent.review.as_ref().is_some_and(|it| &*it.id == review);
        self.intents.iter().find(is_it).ok_or_else(|| Refusal::no_such("review", review, "review"))
    }

    fn close(&self, dispute: &str, evidence: Option<&str>) -> (Change, Result<Value, Refusal>) {
        let closed = self.dispute(dispute).cloned().and_then(|mut dispute| {
            dispute.close(evidence)?;
            Ok(dispute)
        });
        match closed {
            Err(refusal) => (Change::default(), Err(refusal)),
            Ok(dispute) => {
                let shown = dispute.json();
                let events = vec![event("charge.dispute.closed", shown.clone())];
                (Change { dispute: Some(dispute), events, ..Change::default() }, Ok(shown))
            }
        }
    }

    /// Tries `verb` on a copy of the intent named by `param`.
    fn change(
        &self,
        id: &str,
        param: &str,
        verb: impl FnOnce(&mut Intent) -> Result<(), Refusal>,
    ) -> (Change, Result<Value, Refusal>) {
        let mut intent = match self.find(id, param) {
            Ok(intent) => intent.clone(),
            Err(refusal) => return (Change::default(), Err(refusal)),
        };
        let result = verb(&mut intent).map(|()| intent.json());
        (Change { intent: Some(intent), ..Change::default() }, result)
    }

    fn write(
        &mut self,
        at_ms: i64,
        change: &Change,
        answer: &Answer,
        ticket: Option<&Ticket>,
    ) -> std::io::Result<()> {
        let keyed = ticket.map(|ticket| {
            let body = RawValue::from_string(answer.body.clone())?;
            let (key, fingerprint) = (ticket.key.clone(), ticket.fingerprint);
            Ok::<_, serde_json::Error>(Keyed { key, fingerprint, status: answer.status, body })
        });
        let line = Line {
            at_ms,
            intent: change.intent.clone(),
            refund: change.refund.clone(),
            dispute: change.dispute.clone(),
            answer: keyed.transpose()?,
        };
        let is_empty = line.intent.is_none() && line.refund.is_none() && line.dispute.is_none();
        if is_empty && line.answer.is_none() {
            return Ok(());
        }
        let span = self.log.append_json(&line)?;
        if let Some(keyed) = line.answer {
            self.keys.answer(&keyed.key, keyed.fingerprint, at_ms, span);
        }
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        if let Some(intent) = change.intent {
            if let Some(&at) = self.by_id.get(&intent.id) {
                self.intents[at] = intent;
            } else {
                let at = self.intents.len();
                self.by_id.insert(intent.id.clone(), at);
                self.by_order.entry(intent.order().into()).or_default().push(at);
                self.intents.push(intent);
            }
        }
        self.refunds.extend(change.refund);
        if let Some(dispute) = change.dispute {
            match self.disputes.iter_mut().find(|known| known.id == dispute.id) {
                Some(known) => *known = dispute,
                None => self.disputes.push(dispute),
            }
        }
        self.events.extend(change.events);
    }

    /// Returns the events that were not taken yet.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Returns all disputes, or those of one intent, newest first.
    pub(super) fn newest_disputes(&self, intent: Option<&str>) -> impl Iterator<Item = &Dispute> {
        self.disputes.iter().rev().filter(move |it| intent.is_none_or(|intent| it.is_of(intent)))
    }

    pub(super) fn dispute(&self, id: &str) -> Result<&Dispute, Refusal> {
        let found = self.disputes.iter().find(|dispute| &*dispute.id == id);
        found.ok_or_else(|| Refusal::no_such("dispute", id, "dispute"))
    }

    /// Returns the answer that the log has at `span`.
    pub(super) fn recall(&self, span: Span) -> Answer {
        let line = self.log.read(span).and_then(|bytes| Ok(serde_json::from_slice::<Line>(&bytes)?));
        match line {
            Ok(Line { answer: Some(keyed), .. }) => {
                Answer { status: keyed.status, body: keyed.body.get().to_owned(), replayed: true }
            }
            Ok(Line { answer: None, .. }) => Refusal::server_error().into(),
            Err(error) => {
                tracing::error!(%error, "sandbox state read failed");
                Refusal::server_error().into()
            }
        }
    }

    pub(super) fn intent(&self, id: &str) -> Result<&Intent, Refusal> {
        self.find(id, "intent")
    }

    fn find(&self, id: &str, param: &str) -> Result<&Intent, Refusal> {
        let at = self.by_id.get(id).ok_or_else(|| Refusal::no_such("payment_intent", id, param))?;
        Ok(&self.intents[*at])
    }

    /// Returns all intents, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Intent> {
        self.intents.iter().rev()
    }

    /// Returns all refunds, newest first.
    pub(super) fn newest_refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().rev()
    }

    /// Returns the intents that name this order, newest first.
    pub(super) fn newest_of(&self, order: &str) -> impl Iterator<Item = &Intent> {
        self.by_order.get(order).into_iter().flatten().rev().map(|at| &self.intents[*at])
    }

    /// Returns the order of a command, or its intent if it names no order.
    pub(super) fn order_of(&self, command: &Command) -> String {
        match command {
            Command::Create(create) => order_of(&create.metadata).to_owned(),
            Command::Capture { intent, .. }
            | Command::Cancel { intent, .. }
            | Command::Refund { intent, .. } => self.order_of_intent(intent),
            Command::Approve { review: id } | Command::CloseDispute { dispute: id, .. } => id.clone(),
        }
    }

    pub(super) fn order_of_intent(&self, id: &str) -> String {
        let order = self.intent(id).map_or("", Intent::order);
        if order.is_empty() { id.to_owned() } else { order.to_owned() }
    }

    /// Adds every intent and refund to the counts of its order.
    pub(super) fn count(&self, counter: &mut OrderCounter) {
        for intent in &self.intents {
            let Some(counts) = counter.order(intent.order()) else { continue };
            counts.intents += 1;
            match intent.status {
                Status::Succeeded => {
                    counts.captures += 1;
                    counts.captured_minor += intent.received;
                }
                Status::Canceled => counts.cancels += 1,
                Status::RequiresCapture => counts.authorised_minor += intent.amount,
                Status::RequiresPaymentMethod => {}
            }
        }
        for refund in self.refunds.iter().filter(|refund| !refund.failed) {
            let order = self.intent(&refund.intent).map_or("", Intent::order);
            let Some(counts) = counter.order(order) else { continue };
            counts.refunds += 1;
            counts.refunded_minor += refund.amount;
        }
    }

    fn id(&self, prefix: &str, serial: u64) -> String {
        let parts: [&[u8]; 3] = [prefix.as_bytes(), &self.seed.to_le_bytes(), &serial.to_le_bytes()];
        format!("{prefix}_3{}", digest::base62(&parts, 23))
    }
}

fn event(kind: &'static str, object: Value) -> Event {
    Event { kind, object }
}
