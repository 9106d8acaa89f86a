//! The exceptions worker against real servers. Every letter goes through the runtime, and is delivered twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod alarms;
mod edits;
mod jobs;

use std::time::SystemTime;

use despatch_contracts::order::{Order, OrderAccepted, OrderCompleted, OrderPlaced, ServiceLevel};
use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Settled};
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_domain::{Currency, Money, Priority, Queue, Reason};
use despatch_exceptions::store::{Cursor, Filter, backlog};
use despatch_exceptions::{Calendar, Config, Day, Desk, DeskError, Id, State, worker};
use despatch_runtime::{Database, DbError, Handler, HandlerError, Migration, Process, Tx, Verdict, Worker};
use despatch_testkit::{TestEnv, eventually};
use jiff::Timestamp;

/// Open day and night, so that an hour of service is an hour.
fn config() -> Config {
    use Day::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = vec![Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let (opens, closes) = (jiff::civil::Time::midnight(), jiff::civil::Time::MAX);
    Config {
        calendar: Calendar { time_zone: "UTC".into(), opens, closes, days },
        dear_minor: 50_000,
        watch_seconds: 1,
    }
}

async fn env() -> (TestEnv, Desk) {
    let env = TestEnv::new().await;
    env.run(worker(&config()).expect("a sound configuration")).await;
    let desk = Desk::new(Database::new(&env.settings().database_url, 4).expect("a URL"));
    (env, desk)
}

/// The letter of an event of `order` that `labels.create` gave up in this generation.
fn letter(event_id: EventId, order: &str, generation: u32, reason: &str, error: &str) -> DeadLetter {
    let event = OrderCompleted { order_id: order.into() };
    let event = Envelope::first(event_id, "test", Emitted::from(&event), &Trace::root());
    DeadLetter {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event_id.to_string(),
        generation,
        order_id: order.into(),
        reason: reason.into(),
        failures: vec![Failure {
            attempt: generation + 1,
            generation,
            at: Some(despatch_contracts::now()),
            error: error.into(),
            verdict: "reject".into(),
        }],
        event: Some(event),
        replayable: true,
    }
}

fn message(event: &impl Event) -> Envelope {
    Envelope::first(EventId::new(), "test", Emitted::from(event), &Trace::root())
}

async fn dies(env: &TestEnv, letter: &DeadLetter) {
    let envelope = Envelope::dead(EventId::new(), letter, &Trace::root());
    env.publish(&envelope).await;
    env.publish_again(&envelope).await;
}

async fn settles(env: &TestEnv, event_id: EventId, generation: u32, outcome: &str) {
    let settled = Settled {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event_id.to_string(),
        generation,
        order_id: "o-1".into(),
        outcome: outcome.into(),
        reason: String::new(),
    };
    let envelope = Envelope::settled(EventId::new(), &settled, &Trace::root());
    env.publish(&envelope).await;
    env.publish_again(&envelope).await;
}

fn id(event_id: EventId) -> Id {
    Id { handler: "labels.create".into(), event_id: event_id.uuid() }
}

async fn kinds(desk: &Desk, id: &Id) -> Vec<String> {
    let (_, history) = desk.show(id).await.expect("a case");
    assert!(history.iter().map(|entry| entry.seq).eq(1..=i32::try_from(history.len()).expect("few")));
    history.into_iter().map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn a_dead_letter_is_a_case_that_somebody_owns() {
    let (env, desk) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "address-undeliverable", "no\0where")).await;
    env.quiet().await;
    let (case, history) = desk.show(&id(event)).await.expect("a case");
    assert_eq!((case.order_id.as_str(), case.reason.as_str()), ("o-1", "address-undeliverable"));
    assert_eq!((case.queue, case.priority, case.state), (Queue::CarrierDesk, Priority::High, State::Open));
    assert_eq!((case.event_type.as_str(), case.error.as_str()), ("order.completed", "nowhere"));
    assert_eq!(case.trace_id.len(), 32);
    let hours = case.due.duration_since(case.opened_at).as_secs_f64() / 3600.0;
    assert!((3.9..=4.1).contains(&hours), "four working hours, not {hours}");
    assert_eq!(history.len(), 1, "delivered twice, failed once");
    assert_eq!((history[0].who.as_str(), history[0].kind.as_str()), ("labels.create", "failed"));
}

#[tokio::test]
async fn failing_again_is_the_same_case_and_succeeding_ends_it() {
    let (env, desk) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "two are missing")).await;
    env.quiet().await;
    desk.claim(&id(event), "ada").await.unwrap();
    desk.prioritise(&id(event), "ada", Priority::Low, "the customer can wait").await.unwrap();
    dies(&env, &letter(event, "o-1", 2, "carrier-rejected", "too heavy")).await;
    env.quiet().await;
    // An outcome, and a letter, from before the last failure tell nothing new.
    settles(&env, event, 1, "done").await;
    dies(&env, &letter(event, "o-1", 1, "stock-short", "one is missing")).await;
    env.quiet().await;
    let (case, _) = desk.show(&id(event)).await.unwrap();
    assert_eq!((case.reason.as_str(), case.queue), ("carrier-rejected", Queue::CarrierDesk));
    assert_eq!((case.state, case.claimed_by.as_deref()), (State::Claimed, Some("ada")));
    assert_eq!(case.priority, Priority::Low, "a person's priority stays");

    settles(&env, event, 3, "waiting").await;
    settles(&env, event, 4, "done").await;
    env.quiet().await;
    let (case, _) = desk.show(&id(event)).await.unwrap();
    assert_eq!((case.state, case.resolution.as_deref()), (State::Resolved, Some("replayed")));
    assert_eq!(kinds(&desk, &id(event)).await, ["failed", "claimed", "prioritised", "failed", "succeeded"]);

    dies(&env, &letter(event, "o-1", 5, "carrier-rejected", "again")).await;
    env.quiet().await;
    let (case, _) = desk.show(&id(event)).await.unwrap();
    assert_eq!((case.state, case.resolution), (State::Claimed, None), "reopened, and with who had it");
}

#[tokio::test]
async fn two_people_cannot_have_the_same_case() {
    let (env, desk) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
    env.quiet().await;
    let id = id(event);
    let names: Vec<String> = (0..8).map(|person| format!("person-{person}")).collect();
    let claims = futures_util::future::join_all(names.iter().map(|name| desk.claim(&id, name))).await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    let (case, _) = desk.show(&id).await.unwrap();
    let holder = case.claimed_by.expect("somebody won");
    let refused = claims.into_iter().find_map(Result::err).expect("the others lost").to_string();
    assert!(refused.contains(&format!("claimed by {holder}")), "{refused}");

    let other = names.iter().find(|name| **name != holder).unwrap();
    let refused = desk.discard(&id, other, "not mine").await.unwrap_err();
    assert!(matches!(refused, DeskError::NotNow { state: State::Claimed, .. }), "{refused}");
    desk.release(&id, other).await.unwrap();
    desk.note(&id, other, "the customer called").await.unwrap();
    desk.discard(&id, other, "ordered elsewhere").await.unwrap();
    assert!(matches!(desk.claim(&id, other).await, Err(DeskError::NotNow { .. })));
    desk.undo(&id, other).await.unwrap();
    assert!(matches!(desk.undo(&id, other).await, Err(DeskError::NotNow { .. })), "once");
    assert_eq!(kinds(&desk, &id).await, ["failed", "claimed", "released", "noted", "discarded", "reopened"]);
}

#[tokio::test]
async fn a_decision_without_a_name_a_reason_or_a_case_is_refused() {
    let (env, desk) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
    env.quiet().await;
    let id = id(event);
    assert!(matches!(desk.claim(&id, " ").await, Err(DeskError::Empty("by"))));
    assert!(matches!(desk.discard(&id, "ada", "").await, Err(DeskError::Empty("reason"))));
    assert!(matches!(desk.note(&id, "ada", "\n").await, Err(DeskError::Empty("text"))));
    assert_eq!(kinds(&desk, &id).await, ["failed"]);
    let nobody = Id { event_id: EventId::new().uuid(), ..id };
    assert!(matches!(desk.claim(&nobody, "ada").await, Err(DeskError::Unknown(_))));
}

#[tokio::test]
async fn the_list_is_filtered_and_read_page_by_page() {
    let (env, desk) = env().await;
    let reasons = ["amount-mismatch", "stock-short", "carrier-rejected", "tracking-unknown", "card-declined"];
    for n in 0..25_usize {
        let text = format!("Failure Number {n}");
        dies(&env, &letter(EventId::new(), &format!("o-{n}"), 0, reasons[n % 5], &text)).await;
    }
    env.quiet().await;
    let everything = Filter::default();
    let (mut pages, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = desk.list(&everything, after.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        // What a terminal gives back is what it was shown.
        after = Some(Cursor::after(last).to_string().parse().unwrap());
        pages.extend(page);
    }
    assert_eq!(pages, desk.list(&everything, None, 100).await.unwrap());
    assert_eq!(pages.len(), 25);
    assert!(pages.is_sorted_by_key(|case| (std::cmp::Reverse(case.priority), case.due)));
    assert_eq!((pages[0].priority, pages[24].priority), (Priority::Urgent, Priority::Low));

    desk.claim(&pages[0].id, "ada").await.unwrap();
    desk.discard(&pages[24].id, "ada", "a stranger's parcel").await.unwrap();
    let count = async |filter: Filter| desk.list(&filter, None, 100).await.unwrap().len();
    assert_eq!(count(Filter::default()).await, 24);
    assert_eq!(count(Filter { state: Some(State::Resolved), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { claimed_by: Some("ada".into()), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { queue: Some(Queue::Payments), ..Filter::default() }).await, 10);
    assert_eq!(count(Filter { reason: Some("stock-short".into()), ..Filter::default() }).await, 5);
    assert_eq!(count(Filter { order_id: Some("o-7".into()), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { text: Some("number 1*".into()), ..Filter::default() }).await, 11);
    assert_eq!(count(Filter { text: Some("100%".into()), ..Filter::default() }).await, 0);
    assert_eq!(
        count(Filter { text: Some("1* FAILURE".into()), ..Filter::default() }).await,
        11,
        "in any order"
    );
    assert_eq!(count(Filter { text: Some("o-17".into()), ..Filter::default() }).await, 1, "in its contents");
    for nothing in ["o'17 & (", r"\ ' | !", "*", "** '*", " "] {
        assert_eq!(count(Filter { text: Some(nothing.into()), ..Filter::default() }).await, 0, "{nothing}");
    }
    assert_eq!(count(Filter { worker: Some("orders".into()), ..Filter::default() }).await, 0);
    let long_ago = Timestamp::now() - jiff::SignedDuration::from_hours(1);
    assert_eq!(count(Filter { opened_before: Some(long_ago), ..Filter::default() }).await, 0);
    let backlog = backlog(&env.db().await).await.unwrap();
    assert_eq!(backlog.iter().map(|(_, open, _)| open).sum::<i64>(), 24);
    assert!(backlog.iter().all(|(_, _, overdue)| *overdue == 0));
}

#[tokio::test]
async fn dear_and_hurried_orders_come_first() {
    let (env, desk) = env().await;
    let cases = [
        ("plain", ServiceLevel::Standard, 49_999, Priority::High),
        ("dear", ServiceLevel::Standard, 50_000, Priority::Urgent),
        ("hurried", ServiceLevel::FirstClass, 100, Priority::Urgent),
    ];
    for (order_id, service_level, total_minor, _) in cases {
        let order = Order {
            order_id: order_id.into(),
            currency: "USD".into(),
            total_minor,
            service_level: service_level.into(),
            ..Order::default()
        };
        let event = message(&OrderAccepted { order: Some(order) });
        dies(
            &env,
            &DeadLetter { event: Some(event), ..letter(EventId::new(), order_id, 0, "stock-short", "") },
        )
        .await;
    }
    env.quiet().await;
    for (order_id, _, total_minor, priority) in cases {
        let of_order = Filter { order_id: Some(order_id.into()), ..Filter::default() };
        let found = desk.list(&of_order, None, 10).await.unwrap();
        assert_eq!((found[0].priority, found[0].value_minor), (priority, Some(total_minor)), "{order_id}");
    }
    let usd = |minor| Some(Money::new(minor, Currency::parse("USD").unwrap()));
    let worth = Filter { worth: usd(50_000), ..Filter::default() };
    assert_eq!(desk.list(&worth, None, 10).await.unwrap().len(), 1);
    let euros = Some(Money::new(1, Currency::parse("EUR").unwrap()));
    assert!(desk.list(&Filter { worth: euros, ..Filter::default() }, None, 10).await.unwrap().is_empty());
}

/// Cannot handle an order until it has been mended.
struct Fussy;

#[derive(Debug, thiserror::Error)]
enum Unmended {
    #[error("not mended yet")]
    Still,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for Unmended {
    fn verdict(&self) -> Verdict {
        match self {
            Unmended::Still => Verdict::Reject(Reason::StockShort),
            Unmended::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Fussy {
    const NAME: &'static str = "fussy.handle";
    type In = OrderCompleted;
    type Out = ();
    type Error = Unmended;

    async fn record(&self, event: &OrderCompleted, tx: &Tx<'_>) -> Result<(), Unmended> {
        let sql = "update fussy.mended set handled = handled + 1 where order_id = $1";
        if tx.execute(sql, &[&event.order_id]).await? == 0 { Err(Unmended::Still) } else { Ok(()) }
    }
}

fn fussy() -> Worker {
    const TABLE: &str =
        "create table fussy.mended (order_id text primary key, handled int not null default 0)";
    Worker::new("fussy", &[Migration { name: "0001", sql: TABLE }]).handler(Fussy)
}

#[tokio::test]
async fn a_case_lives_through_every_replay_until_one_succeeds() {
    let env = TestEnv::new().await;
    let process = env.run_all(vec![fussy(), worker(&config()).expect("a sound configuration")]).await;
    let desk = Desk::new(Database::new(&env.settings().database_url, 4).expect("a URL"));
    let event = env.deliver(&OrderCompleted { order_id: "o-1".into() }).await;
    let id = Id { handler: "fussy.handle".into(), event_id: event.uuid() };
    env.quiet().await;
    desk.claim(&id, "ada").await.unwrap();
    assert!(matches!(desk.replay(&id, "bob").await, Err(DeskError::NotNow { .. })), "ada has it");

    desk.replay(&id, "ada").await.unwrap();
    let failed_again = async || (desk.show(&id).await.ok()?.0.generation == 1).then_some(());
    eventually("the replay's failure", failed_again).await;
    env.quiet().await;
    let (case, _) = desk.show(&id).await.unwrap();
    assert_eq!((case.state, case.claimed_by.as_deref()), (State::Claimed, Some("ada")));
    let tries = desk.tries(&id).await.unwrap();
    assert_eq!(tries.iter().map(|failed| failed.generation).collect::<Vec<_>>(), [0, 1]);
    assert!(tries.iter().all(|failed| failed.at.is_some() && failed.error == case.error), "{tries:?}");

    env.db().await.batch_execute("insert into fussy.mended values ('o-1')").await.unwrap();
    // Two clicks are one replay.
    let clicks = futures_util::future::join_all((0..4).map(|_| desk.replay(&id, "ada"))).await;
    assert_eq!(clicks.iter().filter(|click| click.is_ok()).count(), 1);
    eventually("the success", async || (desk.show(&id).await.ok()?.0.state == State::Resolved).then_some(()))
        .await;
    env.quiet().await;
    drop(process);
    let kinds = kinds(&desk, &id).await;
    assert_eq!(kinds, ["failed", "claimed", "replayed", "failed", "replayed", "succeeded"]);
    let handled = env.db().await.query_one("select handled from fussy.mended", &[]).await.unwrap();
    assert_eq!(handled.get::<_, i32>(0), 1);
    assert!(
        matches!(desk.replay(&id, "ada").await, Err(DeskError::NotNow { .. })),
        "what was handled stays so"
    );
}

#[tokio::test]
async fn a_replay_that_was_asked_for_happens_though_nobody_was_there_to_publish_it() {
    let env = TestEnv::new().await;
    let settings = env.settings().clone();
    let first = Process::start(settings.clone(), vec![fussy(), worker(&config()).unwrap()]).await.unwrap();
    first.health().until_ready().await;
    let event = env.deliver(&OrderCompleted { order_id: "o-1".into() }).await;
    let id = Id { handler: "fussy.handle".into(), event_id: event.uuid() };
    let desk = Desk::new(Database::new(&settings.database_url, 4).expect("a URL"));
    eventually("the case", async || desk.show(&id).await.ok()).await;
    first.drain().await;
    env.db().await.batch_execute("insert into fussy.mended values ('o-1')").await.unwrap();
    desk.replay(&id, "ada").await.unwrap();
    env.run_all(vec![fussy(), worker(&config()).unwrap()]).await;
    eventually("the success", async || (desk.show(&id).await.ok()?.0.state == State::Resolved).then_some(()))
        .await;
}

#[tokio::test]
async fn what_never_became_an_event_cannot_be_replayed() {
    let (env, desk) = env().await;
    let event = EventId::new();
    dies(&env, &DeadLetter { event: None, ..letter(event, "o-1", 0, "payload-too-large", "large") }).await;
    env.quiet().await;
    assert!(matches!(desk.replay(&id(event), "ada").await, Err(DeskError::NoEvent(_))));
    assert_eq!(kinds(&desk, &id(event)).await, ["failed"], "nothing of it is kept");

    // What the gateway refused at the door comes as it was sent, without a type.
    let event = EventId::new();
    let mut refused = letter(event, "", 0, "tracking-unknown", "no parcel of ours");
    refused.replayable = false;
    refused.event = refused.event.map(|sent| Envelope { r#type: String::new(), ..sent });
    dies(&env, &refused).await;
    env.quiet().await;
    assert!(matches!(desk.event(&id(event)).await, Err(DeskError::NoEvent(_))));
    assert!(matches!(desk.replay(&id(event), "ada").await, Err(DeskError::NoEvent(_))));
    let cancelled = desk.cancel_order(&id(event), "ada", "a slip").await;
    assert!(matches!(cancelled, Err(DeskError::NoOrder(_))), "{cancelled:?}");
}

#[tokio::test]
async fn an_order_that_was_never_accepted_is_not_cancelled() {
    let (env, desk) = env().await;
    let event = EventId::new();
    let placed = OrderPlaced { order: Some(Order { order_id: "o-1".into(), ..Order::default() }) };
    let placed = Envelope::first(event, "test", Emitted::from(&placed), &Trace::root());
    dies(&env, &DeadLetter { event: Some(placed), ..letter(event, "o-1", 0, "sku-missing", "no SKU") }).await;
    env.quiet().await;
    let cancelled = desk.cancel_order(&id(event), "ada", "a slip").await;
    assert!(matches!(cancelled, Err(DeskError::NoOrder(_))), "{cancelled:?}");
    assert_eq!(kinds(&desk, &id(event)).await, ["failed"], "nothing of it is kept");
}

/// What is reported of an event is as old as the event.
#[tokio::test]
async fn what_was_too_old_for_its_handler_is_a_case_and_settled_when_it_is_replayed() {
    let (env, desk) = env().await;
    let long_ago = SystemTime::now() - 2 * env.settings().journal_retention;
    let event = EventId::first_at(long_ago);
    let letter = letter(event, "o-1", 0, "event-expired", "70 days old");
    let report = event.report("labels.create", DeadLetter::TYPE, 0);
    env.publish(&Envelope::dead(report, &letter, &Trace::root())).await;
    env.quiet().await;
    desk.replay(&id(event), "ada").await.unwrap();
    let settled = Settled {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event.to_string(),
        generation: 1,
        order_id: "o-1".into(),
        outcome: "done".into(),
        reason: String::new(),
    };
    let report = event.report("labels.create", Settled::TYPE, 1);
    env.publish(&Envelope::settled(report, &settled, &Trace::root())).await;
    env.quiet().await;
    let (case, _) = desk.show(&id(event)).await.unwrap();
    assert_eq!(case.resolution.as_deref(), Some("replayed"));
}

#[tokio::test]
async fn what_cannot_become_a_case_stays_in_the_journal_and_troubles_nobody() {
    let (env, desk) = env().await;
    let broken =
        DeadLetter { event_id: "not-an-id".into(), ..letter(EventId::new(), "o-1", 0, "stock-short", "") };
    dies(&env, &broken).await;
    env.quiet().await;
    let letters = env.messages("dead.>").await;
    assert!(
        letters.iter().all(|letter| letter.source == "labels.create"),
        "none about a letter: {letters:?}"
    );
    assert_eq!(desk.list(&Filter::default(), None, 10).await.unwrap(), []);
    let sql =
        "select count(*) from exceptions.journal where state = 'dead' and reason = 'payload-undecodable'";
    assert_eq!(env.db().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
}
