//! The life of a case, from its dead letter to its resolution.

use despatch_contracts::payment::PaymentDisputed;
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{Emitted, EventId, Trace};
use despatch_domain::{Priority, Queue};
use despatch_exceptions::{Case, CaseError, CaseFilter, CaseId, CaseState, MissingText};

use prost_types::Timestamp;

use crate::{dies, env, id, kinds, letter, settles};

#[tokio::test]
async fn a_dead_letter_opens_a_case_in_a_queue() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "address-undeliverable", "no\0where")).await;
    env.quiet().await;
    let (case, history) = team.show(&id(event)).await.expect("a case");
    assert_eq!((case.order_id(), case.reason.as_str()), (Some("o-1"), "address-undeliverable"));
    assert_eq!(
        (case.queue, case.priority, case.state),
        (Queue::CarrierDesk, Priority::High, CaseState::Open)
    );
    assert_eq!((case.event_type.as_str(), case.error.as_str()), ("order.completed", "nowhere"));
    assert_eq!(case.trace_id.len(), 32);
    let hours = case.due.duration_since(case.opened_at).as_secs_f64() / 3600.0;
    assert!((3.9..=4.1).contains(&hours), "four working hours, not {hours}");
    assert_eq!(history.len(), 1, "delivered twice, failed once");
    assert_eq!((history[0].actor.as_str(), history[0].kind.as_str()), ("labels.create", "failed"));
}

#[tokio::test]
async fn an_event_with_a_deadline_is_due_by_it() {
    let (env, team) = env().await;
    let event = EventId::new();
    let due_by = Timestamp { seconds: 1_900_000_000, nanos: 0 };
    let disputed =
        PaymentDisputed { order_id: "o-1".into(), due_by: Some(due_by), ..PaymentDisputed::default() };
    let envelope = Envelope::first(event, "test", Emitted::from(&disputed), &Trace::root());
    let letter = letter(event, "o-1", 0, "payment-disputed", "answer it");
    dies(&env, &DeadLetter { event: Some(envelope), ..letter }).await;
    env.quiet().await;
    let (case, _) = team.show(&id(event)).await.expect("a case");
    assert_eq!((case.due.as_second(), case.queue), (1_900_000_000, Queue::Payments));
}

#[tokio::test]
async fn a_mail_that_is_given_up_on_is_a_case_of_customer_service() {
    let (env, team) = env().await;
    let event = EventId::new();
    let (worker, handler) = ("notifications".to_owned(), "notifications.notify".to_owned());
    let id = CaseId { handler: handler.clone(), event_id: event.uuid() };
    let letter = letter(event, "o-1", 0, "attempts-exhausted", "the mail server did not answer");
    dies(&env, &DeadLetter { worker, handler, ..letter }).await;
    env.quiet().await;
    let (case, _) = team.show(&id).await.expect("a case");
    assert_eq!(case.reason, "attempts-exhausted");
    assert_eq!((case.queue, case.priority), (Queue::CustomerService, Priority::Low));
}

#[tokio::test]
async fn a_case_keeps_its_number_and_a_failure_that_is_told_again_takes_none() {
    let (env, team) = env().await;
    let events = [EventId::new(), EventId::new(), EventId::new()];
    for (place, event) in events.into_iter().enumerate() {
        dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
        env.quiet().await;
        dies(&env, &letter(events[0], "o-1", u32::try_from(place).unwrap() + 1, "stock-short", "again"))
            .await;
        env.quiet().await;
    }
    let cases = team.cases.of_order("o-1").await.unwrap();
    assert_eq!(cases.iter().map(|case| case.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(cases.iter().zip(events).all(|(case, event)| case.id == id(event)), "{cases:?}");
    assert_eq!(team.cases.of_order("o-2").await.unwrap(), []);
}

#[tokio::test]
async fn failing_again_is_the_same_case_and_succeeding_ends_it() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "two are missing")).await;
    env.quiet().await;
    team.claim(&id(event), "ada").await.unwrap();
    team.set_priority(&id(event), "ada", Priority::Low, "the customer can wait").await.unwrap();
    dies(&env, &letter(event, "o-1", 2, "carrier-rejected", "too heavy")).await;
    env.quiet().await;
    // An outcome, and a letter, from before the last failure tell nothing new.
    settles(&env, event, 1, "done").await;
    dies(&env, &letter(event, "o-1", 1, "stock-short", "one is missing")).await;
    env.quiet().await;
    let (case, _) = team.show(&id(event)).await.unwrap();
    assert_eq!((case.reason.as_str(), case.queue), ("carrier-rejected", Queue::CarrierDesk));
    assert_eq!((case.state, case.claimed_by.as_deref()), (CaseState::Claimed, Some("ada")));
    assert_eq!(case.priority, Priority::Low, "a person's priority stays");

    settles(&env, event, 3, "waiting").await;
    settles(&env, event, 4, "done").await;
    env.quiet().await;
    let (case, _) = team.show(&id(event)).await.unwrap();
    assert_eq!((case.state, case.resolution.as_deref()), (CaseState::Resolved, Some("replayed")));
    assert_eq!(kinds(&team, &id(event)).await, ["failed", "claimed", "prioritised", "failed", "succeeded"]);

    dies(&env, &letter(event, "o-1", 5, "carrier-rejected", "again")).await;
    env.quiet().await;
    let (case, _) = team.show(&id(event)).await.unwrap();
    assert_eq!((case.state, case.resolution), (CaseState::Claimed, None), "reopened, and with who had it");
}

#[tokio::test]
async fn two_people_cannot_have_the_same_case() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
    env.quiet().await;
    let id = id(event);
    let names: Vec<String> = (0..8).map(|person| format!("person-{person}")).collect();
    let claims = futures_util::future::join_all(names.iter().map(|name| team.claim(&id, name))).await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    let (case, _) = team.show(&id).await.unwrap();
    let holder = case.claimed_by.expect("one person won");
    let refused = claims.into_iter().find_map(Result::err).expect("the others lost").to_string();
    assert!(refused.contains(&format!("claimed by {holder}")), "{refused}");

    let other = names.iter().find(|name| **name != holder).unwrap();
    let refused = team.discard(&id, other, "not mine").await.unwrap_err();
    assert!(matches!(refused, CaseError::WrongState { state: CaseState::Claimed, .. }), "{refused}");
    team.release(&id, other).await.unwrap();
    team.note(&id, other, "the customer called").await.unwrap();
    team.discard(&id, other, "ordered elsewhere").await.unwrap();
    assert!(matches!(team.claim(&id, other).await, Err(CaseError::WrongState { .. })));
    team.undo_discard(&id, other).await.unwrap();
    assert!(matches!(team.undo_discard(&id, other).await, Err(CaseError::WrongState { .. })), "once");
    assert_eq!(kinds(&team, &id).await, ["failed", "claimed", "released", "noted", "discarded", "reopened"]);
}

#[tokio::test]
async fn a_decision_without_an_actor_a_reason_or_a_case_is_refused() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
    env.quiet().await;
    let id = id(event);
    assert!(matches!(
        team.claim(&id, " ").await,
        Err(CaseError::MissingText(MissingText { field: "actor" }))
    ));
    assert!(matches!(
        team.discard(&id, "ada", "").await,
        Err(CaseError::MissingText(MissingText { field: "reason" }))
    ));
    assert!(matches!(
        team.note(&id, "ada", "\n").await,
        Err(CaseError::MissingText(MissingText { field: "text" }))
    ));
    assert_eq!(kinds(&team, &id).await, ["failed"]);
    let unknown = CaseId { event_id: EventId::new().uuid(), ..id };
    assert!(matches!(team.claim(&unknown, "ada").await, Err(CaseError::Unknown(_))));
}

#[tokio::test]
async fn an_action_returns_the_case_after_it_or_a_stable_code() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "short")).await;
    env.quiet().await;
    let id = id(event);
    let claimed = team.claim(&id, "ada").await.unwrap();
    assert_eq!((claimed.state, claimed.claimed_by.as_deref()), (CaseState::Claimed, Some("ada")));
    assert_eq!(claimed, team.show(&id).await.unwrap().0);
    let urgent = team.set_priority(&id, "ada", Priority::Urgent, "promised").await.unwrap();
    assert_eq!((urgent.priority, urgent.claimed_by), (Priority::Urgent, claimed.claimed_by));
    let replayed = team.replay(&id, "ada").await.unwrap();
    assert_eq!(replayed, team.show(&id).await.unwrap().0);
    let discarded = team.discard(&id, "ada", "ordered elsewhere").await.unwrap();
    assert_eq!((discarded.state, discarded.resolution.as_deref()), (CaseState::Resolved, Some("discarded")));

    let unknown = CaseId { event_id: EventId::new().uuid(), ..id.clone() };
    let code = |refused: Result<Case, CaseError>| refused.unwrap_err().code();
    assert_eq!(code(team.claim(&id, "ada").await), "wrong-state");
    assert_eq!(code(team.replay(&id, "").await), "missing-text");
    assert_eq!(code(team.release(&unknown, "ada").await), "unknown-case");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_become_a_case_stays_in_the_journal() {
    let (env, team) = env().await;
    let broken =
        DeadLetter { event_id: "not-an-id".into(), ..letter(EventId::new(), "o-1", 0, "stock-short", "") };
    dies(&env, &broken).await;
    env.quiet().await;
    let letters = env.messages("dead.>").await;
    assert!(
        letters.iter().all(|letter| letter.source == "labels.create"),
        "none about a letter: {letters:?}"
    );
    assert_eq!(team.list(&CaseFilter::default(), None, 10).await, []);
    let sql =
        "select count(*) from exceptions.journal where state = 'dead' and reason = 'payload-undecodable'";
    assert_eq!(env.db().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
}
