//! Alerts of operators.

use despatch_contracts::EventId;
use despatch_contracts::alert::AlertRaised;
use despatch_exceptions::{CaseId, Config};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::{config, dies, env_of, id, letter};

/// The causes of every alert so far, in the order in which they were raised.
async fn raised(env: &TestEnv) -> Vec<String> {
    let messages = env.messages("evt.alert.raised").await;
    messages.into_iter().map(|envelope| AlertRaised::decode(envelope.payload).unwrap().cause).collect()
}

/// Waits for so many alerts, and for a run of the monitor after the last of them.
async fn alerts(env: &TestEnv, count: usize) -> Vec<String> {
    eventually("the alerts", async || (raised(env).await.len() >= count).then_some(())).await;
    let runs = async || {
        let sql = "select count(*) from exceptions.journal where handler = 'exceptions.monitor'";
        env.db().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    let before = runs().await;
    eventually("another run", async || (runs().await > before + 1).then_some(())).await;
    let mut raised = raised(env).await;
    raised.sort();
    raised
}

#[tokio::test]
async fn each_cause_alerts_once_and_again_after_it_was_over() {
    let (env, team) = env_of(&Config { monitor_seconds: 1, ..config() }).await;
    let mut ids: Vec<CaseId> = Vec::new();
    for order in 0..12 {
        let event = EventId::new();
        dies(&env, &letter(event, &format!("o-{order}"), 0, "stock-short", "short")).await;
        ids.push(id(event));
    }
    assert_eq!(alerts(&env, 2).await, ["new/stock-short", "rise/stock-short"]);

    let late = "update exceptions.exception set due = despatch_now() - interval '1 minute'";
    env.db().await.execute(late, &[]).await.unwrap();
    assert_eq!(alerts(&env, 3).await, ["new/stock-short", "overdue/warehouse", "rise/stock-short"]);

    for id in &ids {
        team.discard(id, "ada", "all fixed").await.unwrap();
    }
    eventually("the queue is in order again", async || {
        let sql = "select from exceptions.alert where cause = 'overdue/warehouse'";
        env.db().await.query_opt(sql, &[]).await.unwrap().is_none().then_some(())
    })
    .await;
    team.undo_discard(&ids[0], "ada").await.unwrap();
    let again = ["new/stock-short", "overdue/warehouse", "overdue/warehouse", "rise/stock-short"];
    assert_eq!(alerts(&env, 4).await, again);
}
