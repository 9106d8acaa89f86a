//! Replays of one case, and cancellations of its order.

use std::time::SystemTime;

use despatch_contracts::order::{Order, OrderCompleted, OrderPlaced};
use despatch_contracts::runtime::{DeadLetter, Envelope, Settled};
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_domain::Reason;
use despatch_exceptions::{CaseError, CaseId, CaseState, worker};
use despatch_runtime::{DbError, Handler, HandlerError, Migration, Process, Tx, Verdict, Worker};
use despatch_testkit::{TestEnv, eventually};

use crate::team::Team;
use crate::{config, dies, env, id, kinds, letter};

/// Cannot handle an order until it has been fixed.
struct Fussy;

#[derive(Debug, thiserror::Error)]
enum NotFixed {
    #[error("not fixed yet")]
    Still,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for NotFixed {
    fn verdict(&self) -> Verdict {
        match self {
            NotFixed::Still => Verdict::Reject(Reason::StockShort),
            NotFixed::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Fussy {
    const NAME: &'static str = "fussy.handle";
    type In = OrderCompleted;
    type Out = ();
    type Error = NotFixed;

    async fn record(&self, event: &OrderCompleted, tx: &Tx<'_>) -> Result<(), NotFixed> {
        let sql = "update fussy.fixed set handled = handled + 1 where order_id = $1";
        if tx.execute(sql, &[&event.order_id]).await? == 0 { Err(NotFixed::Still) } else { Ok(()) }
    }
}

pub(crate) fn fussy() -> Worker {
    const TABLE: &str =
        "create table fussy.fixed (order_id text primary key, handled int not null default 0)";
    Worker::new("fussy", &[Migration { name: "0001", sql: TABLE }]).handler(Fussy)
}

#[tokio::test]
async fn a_case_lives_through_every_replay_until_one_succeeds() {
    let env = TestEnv::new().await;
    let process = env.run_all(vec![fussy(), worker(&config()).expect("a sound configuration")]).await;
    let team = Team::of(&env, 4);
    let event = env.deliver(&OrderCompleted { order_id: "o-1".into() }).await;
    let id = CaseId { handler: "fussy.handle".into(), event_id: event.uuid() };
    env.quiet().await;
    team.claim(&id, "ada").await.unwrap();
    assert!(matches!(team.replay(&id, "bob").await, Err(CaseError::WrongState { .. })), "ada has it");

    team.replay(&id, "ada").await.unwrap();
    let failed_again = async || (team.show(&id).await.ok()?.0.generation == 1).then_some(());
    eventually("the replay's failure", failed_again).await;
    env.quiet().await;
    let (case, _) = team.show(&id).await.unwrap();
    assert_eq!((case.state, case.claimed_by.as_deref()), (CaseState::Claimed, Some("ada")));
    let tries = team.attempts(&id).await;
    assert_eq!(tries.iter().map(|failed| failed.generation).collect::<Vec<_>>(), [0, 1]);
    assert!(tries.iter().all(|failed| failed.at.is_some() && failed.error == case.error), "{tries:?}");

    env.db().await.batch_execute("insert into fussy.fixed values ('o-1')").await.unwrap();
    // Two clicks are one replay.
    let clicks = futures_util::future::join_all((0..4).map(|_| team.replay(&id, "ada"))).await;
    assert_eq!(clicks.iter().filter(|click| click.is_ok()).count(), 1);
    eventually("the success", async || {
        (team.show(&id).await.ok()?.0.state == CaseState::Resolved).then_some(())
    })
    .await;
    env.quiet().await;
    drop(process);
    let kinds = kinds(&team, &id).await;
    assert_eq!(kinds, ["failed", "claimed", "replayed", "failed", "replayed", "succeeded"]);
    let handled = env.db().await.query_one("select handled from fussy.fixed", &[]).await.unwrap();
    assert_eq!(handled.get::<_, i32>(0), 1);
    assert!(
        matches!(team.replay(&id, "ada").await, Err(CaseError::WrongState { .. })),
        "what was handled stays so"
    );
}

#[tokio::test]
async fn a_replay_happens_though_no_process_ran_when_it_was_requested() {
    let env = TestEnv::new().await;
    let settings = env.settings().clone();
    let first = Process::start(settings.clone(), vec![fussy(), worker(&config()).unwrap()]).await.unwrap();
    first.health().until_ready().await;
    let event = env.deliver(&OrderCompleted { order_id: "o-1".into() }).await;
    let id = CaseId { handler: "fussy.handle".into(), event_id: event.uuid() };
    let team = Team::of(&env, 4);
    eventually("the case", async || team.show(&id).await.ok()).await;
    first.drain().await;
    env.db().await.batch_execute("insert into fussy.fixed values ('o-1')").await.unwrap();
    team.replay(&id, "ada").await.unwrap();
    env.run_all(vec![fussy(), worker(&config()).unwrap()]).await;
    eventually("the success", async || {
        (team.show(&id).await.ok()?.0.state == CaseState::Resolved).then_some(())
    })
    .await;
}

#[tokio::test]
async fn refused_input_cannot_be_replayed() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &DeadLetter { event: None, ..letter(event, "o-1", 0, "payload-too-large", "large") }).await;
    env.quiet().await;
    assert!(matches!(team.replay(&id(event), "ada").await, Err(CaseError::NoEvent(_))));
    assert_eq!(kinds(&team, &id(event)).await, ["failed"], "nothing of it is kept");

    // Input that the gateway refused arrives as it was sent, without a type.
    let event = EventId::new();
    let mut refused = letter(event, "", 0, "tracking-unknown", "no parcel of ours");
    refused.replayable = false;
    refused.event = refused.event.map(|sent| Envelope { r#type: String::new(), ..sent });
    dies(&env, &refused).await;
    env.quiet().await;
    assert!(matches!(team.event(&id(event)).await, Err(CaseError::NoEvent(_))));
    assert!(matches!(team.replay(&id(event), "ada").await, Err(CaseError::NoEvent(_))));
    let cancelled = team.cancel_order(&id(event), "ada", "a slip").await;
    assert!(matches!(cancelled, Err(CaseError::NoOrder(_))), "{cancelled:?}");
}

#[tokio::test]
async fn an_order_that_was_never_accepted_is_not_cancelled() {
    let (env, team) = env().await;
    let event = EventId::new();
    let placed = OrderPlaced { order: Some(Order { order_id: "o-1".into(), ..Order::default() }) };
    let placed = Envelope::first(event, "test", Emitted::from(&placed), &Trace::root());
    dies(&env, &DeadLetter { event: Some(placed), ..letter(event, "o-1", 0, "sku-missing", "no SKU") }).await;
    env.quiet().await;
    let cancelled = team.cancel_order(&id(event), "ada", "a slip").await;
    assert!(matches!(cancelled, Err(CaseError::NoOrder(_))), "{cancelled:?}");
    assert_eq!(kinds(&team, &id(event)).await, ["failed"], "nothing of it is kept");
}

/// A report about an event is as old as the event.
#[tokio::test]
async fn an_expired_event_is_a_case_that_its_replay_resolves() {
    let (env, team) = env().await;
    let long_ago = SystemTime::now() - 2 * env.settings().journal_retention;
    let event = EventId::first_at(long_ago);
    let letter = letter(event, "o-1", 0, "event-expired", "70 days old");
    let report = event.report("labels.create", DeadLetter::TYPE, 0);
    env.publish(&Envelope::dead(report, &letter, &Trace::root())).await;
    env.quiet().await;
    team.replay(&id(event), "ada").await.unwrap();
    let settled = Settled {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event.to_string(),
        generation: 1,
        subject: "order/o-1".into(),
        outcome: "done".into(),
        reason: String::new(),
    };
    let report = event.report("labels.create", Settled::TYPE, 1);
    env.publish(&Envelope::settled(report, &settled, &Trace::root())).await;
    env.quiet().await;
    let (case, _) = team.show(&id(event)).await.unwrap();
    assert_eq!(case.resolution.as_deref(), Some("replayed"));
}
