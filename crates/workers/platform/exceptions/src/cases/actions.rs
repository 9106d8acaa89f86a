//! What people do with cases. Each decision is one statement that also writes the history, so two people who decide at
//! once cannot both be right: the second is told how the case stands.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use despatch_contracts::json::{self, Change};
use despatch_contracts::order::{OrderCancelRequested, OrderPlaced};
use despatch_contracts::runtime::{Envelope, Replay};
use despatch_contracts::{Event as _, key_of};
use despatch_domain::Priority;
use despatch_runtime::{Database, DbError, set_timer};
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::case::{Case, Entry, Id, State, Try};
use super::store::{self, Cursor, Decision, Filter};
use crate::NAME;
use crate::replays::bulk_replay::JobState;

/// An event as it should have been.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The whole event as JSON.
    pub contents: String,
    /// The generation whose failure it mends, as [`Desk::event`] gave it.
    pub generation: i32,
    /// Why.
    pub reason: String,
}

impl Edit {
    /// The payload, in the place of this event's.
    fn payload(&self, event: &Envelope) -> Result<Bytes, DeskError> {
        let event_type = event.event_type();
        let payload = json::from_json(event_type, &self.contents);
        let payload = payload.map_err(|unfit| DeskError::Unfit(unfit.to_string()))?;
        let about = key_of(event_type, payload.clone());
        let about = about.map_err(|error| DeskError::Unfit(error.to_string()))?;
        if about != event.order_id {
            let found = format!("expected to be about order {}, found {about:?}", event.order_id);
            return Err(DeskError::Unfit(found));
        }
        Ok(payload)
    }
}

/// Where cases are worked on.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(crate) db: Database,
}

/// Why a decision was not kept.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The event never failed for good.
    #[error("{0}: no such case")]
    Unknown(Id),
    /// The case does not stand so that this could be done.
    #[error("{id}: {wanted}, but the case is {}", standing(*.state, .claimed_by.as_deref()))]
    NotNow {
        /// RetryFilter case.
        id: Id,
        /// What was to be done, and when that can be.
        wanted: &'static str,
        /// Where it stands.
        state: State,
        /// Who has it.
        claimed_by: Option<String>,
    },
    /// There is nothing that could be handled again: the gateway refused it at the door, or it was too large to go with
    /// its dead letter.
    #[error("{0}: no event came with the dead letter; it has to come in again")]
    NoEvent(Id),
    /// The case's event belongs to no order that was accepted.
    #[error("{0}: no accepted order goes with it that could be cancelled; the case can be discarded")]
    NoOrder(Id),
    /// A filter found no case.
    #[error("no case is {0}")]
    Nothing(String),
    /// There is no job of this number.
    #[error("job {0}: no such job")]
    NoJob(i64),
    /// The job does not stand so that this could be done.
    #[error("job {id}: {wanted}, but the job is {}", .state.name())]
    JobNotNow {
        /// RetryFilter job.
        id: i64,
        /// What was to be done, and when that can be.
        wanted: &'static str,
        /// Where it stands.
        state: JobState,
    },
    /// A job cannot be done on these terms.
    #[error("{0}: expected {1}")]
    Terms(&'static str, &'static str),
    /// The event is not what its type says, so it cannot be shown.
    #[error("{0}: the event cannot be read: {1}")]
    Unreadable(Id, String),
    /// What an event was edited to is not one, or about another order.
    #[error("the edited event: {0}")]
    Unfit(String),
    /// Every decision names who made it, and most name why.
    #[error("{0}: expected some text, found nothing")]
    Empty(&'static str),
    /// The database did not do as asked.
    #[error(transparent)]
    Database(#[from] DbError),
}

fn standing(state: State, claimed_by: Option<&str>) -> String {
    match claimed_by {
        Some(who) => format!("{} by {who}", state.name()),
        None => state.name().to_owned(),
    }
}

impl Desk {
    /// A desk over the exceptions worker's database.
    pub fn new(db: Database) -> Self {
        Desk { db }
    }

    /// Cases, the most urgent first; at most `limit`, after `after`.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Case>, DeskError> {
        Ok(store::list(&**self.db.client().await?, filter, after, i64::from(limit)).await?)
    }

    /// A case with its history.
    pub async fn show(&self, id: &Id) -> Result<(Case, Vec<Entry>), DeskError> {
        let client = self.db.client().await?;
        let case = store::find(&**client, id).await?.ok_or_else(|| DeskError::Unknown(id.clone()))?;
        Ok((case, store::history(&**client, id).await?))
    }

    /// Takes a case in hand. Only an open one: two people must not mend the same thing.
    pub async fn claim(&self, id: &Id, who: &str) -> Result<(), DeskError> {
        let (set, allowed) = ("state = 'claimed', claimed_by = $3", "state = 'open'");
        self.decide(
            id,
            Decision { who, kind: "claimed", detail: "", set, allowed },
            "only an open case can be claimed",
        )
        .await
    }

    /// Puts a case back; whoever has it, since people go on holiday.
    pub async fn release(&self, id: &Id, who: &str) -> Result<(), DeskError> {
        let (set, allowed) = ("state = 'open', claimed_by = null", "state = 'claimed'");
        let decision = Decision { who, kind: "released", detail: "", set, allowed };
        self.decide(id, decision, "only a claimed case can be released").await
    }

    /// Adds to the history.
    pub async fn note(&self, id: &Id, who: &str, text: &str) -> Result<(), DeskError> {
        given("text", text)?;
        let (set, allowed) = ("state = state", "true");
        self.decide(
            id,
            Decision { who, kind: "noted", detail: text, set, allowed },
            "a note can always be added",
        )
        .await
    }

    /// Changes the priority, which then stays whatever the reason of a later failure says.
    pub async fn prioritise(
        &self,
        id: &Id,
        who: &str,
        priority: Priority,
        reason: &str,
    ) -> Result<(), DeskError> {
        given("reason", reason)?;
        let set = format!("priority = {}", priority.number());
        let detail = format!("{}: {reason}", priority.name());
        let decision =
            Decision { who, kind: "prioritised", detail: &detail, set: &set, allowed: "state <> 'resolved'" };
        self.decide(id, decision, "only what is not resolved has a priority").await
    }

    /// The event of a case as JSON, and the generation that failed: what an edit starts from.
    pub async fn event(&self, id: &Id) -> Result<(Value, i32), DeskError> {
        let client = self.db.client().await?;
        let letter = store::letter(&**client, id).await?.ok_or_else(|| DeskError::Unknown(id.clone()))?;
        let generation = i32::try_from(letter.generation).unwrap_or(i32::MAX);
        // What never became an event has no type that it could be read by.
        let event = letter.event.filter(|event| !event.event_type().is_empty());
        let event = event.ok_or_else(|| DeskError::NoEvent(id.clone()))?;
        let contents = json::to_json(event.event_type(), event.payload.clone());
        let contents = contents.map_err(|unfit| DeskError::Unreadable(id.clone(), unfit.to_string()))?;
        Ok((contents, generation))
    }

    /// Has the event handled once more, by the handler that failed and as it arrived. Asked for in one transaction with
    /// the history's entry; whichever process of this worker runs publishes it. Once for each failure: what failed again
    /// may be replayed again, what was handled never is.
    pub async fn replay(&self, id: &Id, who: &str) -> Result<(), DeskError> {
        self.replay_as(id, who, None).await
    }

    /// Has the event handled once more as somebody edited it. It keeps its id and takes the next generation, like any
    /// replay, so of several edits and replays of one failure only the first is kept. The old payload is kept with it.
    pub async fn edit(&self, id: &Id, who: &str, edit: &Edit) -> Result<(), DeskError> {
        given("reason", &edit.reason)?;
        self.replay_as(id, who, Some(edit)).await
    }

    async fn replay_as(&self, id: &Id, who: &str, edit: Option<&Edit>) -> Result<(), DeskError> {
        given("by", who)?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let allowed = "state <> 'resolved' and (claimed_by is null or claimed_by = $3)
                       and coalesce(replayed, -1) < generation";
        // Whoever edits has seen one failure, and mends that one.
        let allowed = edit.map_or_else(
            || allowed.to_owned(),
            |edit| format!("{allowed} and generation = {}", edit.generation),
        );
        let (kind, detail) = edit.map_or(("replayed", ""), |edit| ("edited", &edit.reason));
        let decision = Decision { who, kind, detail, set: "replayed = generation", allowed: &allowed };
        if !store::decide(&*tx, id, &decision).await? {
            let wanted =
                "an open case can be replayed, or a claimed one by who has it, once for each failure";
            return Err(self.refusal(&*tx, id, wanted).await);
        }
        let letter = store::letter(&*tx, id).await?.ok_or_else(|| DeskError::Unknown(id.clone()))?;
        let event = letter.event.filter(|_| letter.replayable);
        let mut event = event.ok_or_else(|| DeskError::NoEvent(id.clone()))?;
        if let Some(edit) = edit {
            let payload = edit.payload(&event)?;
            store::keep_edit(&*tx, id, &event.payload, &payload).await?;
            event.payload = payload;
        }
        let replay =
            Replay { handler: letter.handler, generation: letter.generation + 1, event: Some(event) };
        let key = format!("replay/{id}");
        set_timer(&tx, NAME, &key, Duration::ZERO, &replay).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(())
    }

    /// Every try of the event that failed, the oldest first; of very many, the latest.
    pub async fn tries(&self, id: &Id) -> Result<Vec<Try>, DeskError> {
        let client = self.db.client().await?;
        let letter = store::letter(&**client, id).await?.ok_or_else(|| DeskError::Unknown(id.clone()))?;
        Ok(letter.failures.into_iter().map(Try::from).collect())
    }

    /// What edits changed, by the number of the history's entry.
    pub async fn edits(&self, id: &Id) -> Result<BTreeMap<i32, Vec<Change>>, DeskError> {
        let client = self.db.client().await?;
        let Some(Case { event_type, .. }) = store::find(&**client, id).await? else {
            return Err(DeskError::Unknown(id.clone()));
        };
        let read = |payload| json::to_json(&event_type, payload).unwrap_or_default();
        let edits = store::edits(&**client, id).await?;
        Ok(edits.into_iter().map(|(seq, old, new)| (seq, json::changes(&read(old), &read(new)))).collect())
    }

    /// Resolves a case without handling its event. Somebody else's case has to be released first.
    pub async fn discard(&self, id: &Id, who: &str, reason: &str) -> Result<(), DeskError> {
        given("reason", reason)?;
        let set = "state = 'resolved', resolution = 'discarded'";
        let allowed = "state <> 'resolved' and (claimed_by is null or claimed_by = $3)";
        let decision = Decision { who, kind: "discarded", detail: reason, set, allowed };
        self.decide(id, decision, "an open case can be discarded, or a claimed one by who has it").await
    }

    /// Asks for the case's order to be cancelled, as its customer could: what was paid goes back, stock is free again,
    /// the customer is told. The case is resolved once the order is cancelled; an order of which a parcel has left is
    /// not, as its timeline then says. One that was never accepted can only be discarded.
    pub async fn cancel_order(&self, id: &Id, who: &str, reason: &str) -> Result<(), DeskError> {
        given("by", who)?;
        given("reason", reason)?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let allowed = "state <> 'resolved' and (claimed_by is null or claimed_by = $3)
                       and order_id <> '' and event_type <> 'order.placed'";
        let decision =
            Decision { who, kind: "cancel-asked", detail: reason, set: "cancel_asked = true", allowed };
        if !store::decide(&*tx, id, &decision).await? {
            let case = store::find(&*tx, id).await?;
            if case.is_some_and(|case| case.order_id.is_empty() || case.event_type == OrderPlaced::TYPE) {
                return Err(DeskError::NoOrder(id.clone()));
            }
            let wanted = "the order of an open case can be cancelled, or of a claimed one by who has it";
            return Err(self.refusal(&*tx, id, wanted).await);
        }
        let case = store::find(&*tx, id).await?.ok_or_else(|| DeskError::Unknown(id.clone()))?;
        let order_id = case.order_id;
        let key = format!("cancel/{order_id}");
        let request =
            OrderCancelRequested { order_id, reason: reason.to_owned(), requested_by: "operator".to_owned() };
        set_timer(&tx, NAME, &key, Duration::ZERO, &request).await?;
        Ok(tx.commit().await.map_err(DbError::from)?)
    }

    /// Takes a discard back.
    pub async fn undo(&self, id: &Id, who: &str) -> Result<(), DeskError> {
        let set = "state = case when claimed_by is null then 'open' else 'claimed' end, resolution = null";
        let decision =
            Decision { who, kind: "reopened", detail: "", set, allowed: "resolution = 'discarded'" };
        self.decide(id, decision, "only a discard can be undone").await
    }

    async fn decide(&self, id: &Id, decision: Decision<'_>, wanted: &'static str) -> Result<(), DeskError> {
        given("by", decision.who)?;
        let client = self.db.client().await?;
        if store::decide(&**client, id, &decision).await? {
            return Ok(());
        }
        Err(self.refusal(&**client, id, wanted).await)
    }

    /// Why a decision is not allowed as the case stands.
    async fn refusal(&self, db: &impl GenericClient, id: &Id, wanted: &'static str) -> DeskError {
        match store::find(db, id).await {
            Ok(Some(Case { state, claimed_by, .. })) => {
                DeskError::NotNow { id: id.clone(), wanted, state, claimed_by }
            }
            Ok(None) => DeskError::Unknown(id.clone()),
            Err(error) => error.into(),
        }
    }
}

pub(crate) fn given(field: &'static str, text: &str) -> Result<(), DeskError> {
    if text.trim().is_empty() { Err(DeskError::Empty(field)) } else { Ok(()) }
}
