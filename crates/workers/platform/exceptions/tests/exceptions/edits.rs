//! Events that a person edits before their replay.

use despatch_contracts::order::OrderCancelRequested;
use despatch_domain::Reason;
use despatch_exceptions::{CaseError, CaseId, CaseState, EditRequest, EditableEvent, MissingText, worker};
use despatch_runtime::{DbError, Handler, HandlerError, Migration, Process, Tx, Verdict, Worker};
use despatch_testkit::{TestEnv, eventually};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::team::Team;
use crate::{config, kinds};

/// Handles only what says that it is right.
struct Strict;

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("{0:?} is not right")]
    Reason(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for Wrong {
    fn verdict(&self) -> Verdict {
        match self {
            Wrong::Reason(_) => Verdict::Reject(Reason::StockShort),
            Wrong::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Strict {
    const NAME: &'static str = "strict.handle";
    type In = OrderCancelRequested;
    type Out = ();
    type Error = Wrong;

    async fn record(&self, event: &OrderCancelRequested, tx: &Tx<'_>) -> Result<(), Wrong> {
        if !event.reason.starts_with("right") {
            return Err(Wrong::Reason(event.reason.clone()));
        }
        let sql = "insert into strict.handled values ($1, $2)";
        tx.execute(sql, &[&event.order_id, &event.reason]).await?;
        Ok(())
    }
}

fn workers() -> Vec<Worker> {
    const TABLE: &str = "create table strict.handled (order_id text, reason text)";
    let strict = Worker::new("strict", &[Migration { name: "0001", sql: TABLE }]).handler(Strict);
    vec![strict, worker(&config()).unwrap()]
}

/// An event that is dead, and its case.
async fn dead(env: &TestEnv, team: &Team) -> CaseId {
    let event = OrderCancelRequested { order_id: "o-1".into(), reason: "wrong".into(), ..Default::default() };
    let event = env.deliver(&event).await;
    let id = CaseId { handler: "strict.handle".into(), event_id: event.uuid() };
    eventually("the case", async || team.show(&id).await.ok()).await;
    id
}

fn edit(id: &CaseId, contents: &Value, generation: i32) -> EditRequest {
    EditRequest {
        case: id.clone(),
        actor: "ada".into(),
        generation,
        contents: contents.to_string(),
        reason: "as the shop meant it".into(),
    }
}

async fn resolved(team: &Team, id: &CaseId) {
    eventually("the success", async || {
        (team.show(id).await.ok()?.0.state == CaseState::Resolved).then_some(())
    })
    .await;
}

async fn handled(env: &TestEnv) -> Vec<String> {
    let rows = env.db().await.query("select reason from strict.handled", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn failing_claimed_replayed_failing_edited_and_done_is_one_case() {
    let env = TestEnv::new().await;
    env.run_all(workers()).await;
    let team = Team::of(&env, 8);
    let id = dead(&env, &team).await;
    team.claim(&id, "ada").await.unwrap();
    let EditableEvent { generation: first, mut contents } = team.event(&id).await.unwrap();
    let expected = json!({"order_id": "o-1", "reason": "wrong", "requested_by": "", "by": ""});
    assert_eq!(contents, expected);
    team.replay(&id, "ada").await.unwrap();
    eventually("the replay's failure", async || (team.show(&id).await.ok()?.0.generation == 1).then_some(()))
        .await;
    contents["reason"] = json!("right");
    let late = team.edit_and_replay(&edit(&id, &contents, first)).await;
    assert!(
        matches!(late, Err(CaseError::WrongState { .. })),
        "it was made for an earlier failure: {late:?}"
    );

    team.edit_and_replay(&edit(&id, &contents, 1)).await.unwrap();
    resolved(&team, &id).await;
    env.quiet().await;
    let expected = ["failed", "claimed", "replayed", "failed", "edited", "succeeded"];
    assert_eq!(kinds(&team, &id).await, expected);
    assert_eq!(handled(&env).await, ["right"]);
    let edits = team.edits(&id).await;
    let changes: Vec<String> = edits[&5].iter().map(ToString::to_string).collect();
    assert_eq!((edits.len(), changes), (1, vec![r#"reason: "wrong" -> "right""#.to_owned()]));
    let (_, history) = team.show(&id).await.unwrap();
    assert_eq!((history[4].actor.as_str(), history[4].detail.as_str()), ("ada", "as the shop meant it"));
}

#[tokio::test]
async fn an_edit_that_is_no_event_or_another_orders_is_refused() {
    let env = TestEnv::new().await;
    env.run_all(workers()).await;
    let team = Team::of(&env, 8);
    let id = dead(&env, &team).await;
    for (contents, said) in [
        (json!({"order_id": "o-1", "colour": "red"}), "colour"),
        (json!({"order_id": "o-1", "reason": 3}), "reason"),
        (json!({"order_id": "o-2", "reason": "right"}), "order/o-1"),
        (json!([]), "invalid type"),
    ] {
        let refused = team.edit_and_replay(&edit(&id, &contents, 0)).await.unwrap_err();
        assert!(
            matches!(refused, CaseError::InvalidEdit(_)) && refused.to_string().contains(said),
            "{refused}"
        );
    }
    let unexplained = EditRequest { reason: String::new(), ..edit(&id, &json!({"order_id": "o-1"}), 0) };
    assert!(matches!(
        team.edit_and_replay(&unexplained).await,
        Err(CaseError::MissingText(MissingText { field: "reason" }))
    ));
    assert_eq!(kinds(&team, &id).await, ["failed"], "nothing of it is kept");
}

#[tokio::test]
async fn of_many_edits_at_once_one_is_handled_once_a_process_runs() {
    let env = TestEnv::new().await;
    let process = Process::start(env.settings().clone(), workers()).await.unwrap();
    process.health().until_ready().await;
    let team = Team::of(&env, 8);
    let id = dead(&env, &team).await;
    process.drain().await;
    let edits: Vec<EditRequest> = (0..6)
        .map(|person| edit(&id, &json!({"order_id": "o-1", "reason": format!("right {person}")}), 0))
        .collect();
    let kept = join_all(edits.iter().map(|edit| team.edit_and_replay(edit))).await;
    let winners: Vec<usize> = (0..6).filter(|person| kept[*person].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{kept:?}");

    env.run_all(workers()).await;
    resolved(&team, &id).await;
    env.quiet().await;
    assert_eq!(handled(&env).await, [format!("right {}", winners[0])]);
    assert_eq!(kinds(&team, &id).await, ["failed", "edited", "succeeded"]);
}
