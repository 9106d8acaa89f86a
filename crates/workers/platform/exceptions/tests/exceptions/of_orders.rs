//! The read model of cases: those of an order, and their number by reason.

use despatch_contracts::EventId;
use despatch_read_model::cases::{cases_of, orders_with_cases, unresolved};

use crate::{dies, env, id, letter};

#[tokio::test]
async fn an_order_has_its_cases_and_a_list_those_that_wait() {
    let (env, team) = env().await;
    let [one, other, third] = [EventId::new(), EventId::new(), EventId::new()];
    dies(&env, &letter(one, "o-1", 0, "stock-short", "none there")).await;
    env.quiet().await;
    dies(&env, &letter(other, "o-1", 0, "carrier-rejected", "too heavy")).await;
    dies(&env, &letter(third, "o-2", 0, "stock-short", "none there")).await;
    env.quiet().await;
    team.discard(&id(other), "ada", "a test").await.unwrap();

    let db = env.db().await;
    let cases = cases_of(&db, &["o-1".to_owned()]).await.unwrap();
    let told: Vec<_> = cases.iter().map(|case| (case.reason.as_str(), case.is_open())).collect();
    assert_eq!(told, [("stock-short", true), ("carrier-rejected", false)], "the oldest first");
    assert_eq!((cases[0].order_id.as_str(), cases[0].error.as_str()), ("o-1", "none there"));
    assert_eq!(cases[1].resolution.as_deref(), Some("discarded"));
    assert_eq!(cases_of(&db, &["o-3".to_owned()]).await.unwrap(), []);

    assert_eq!(orders_with_cases(&db, "z", 10).await.unwrap(), ["o-2", "o-1"]);
    assert_eq!(orders_with_cases(&db, "z", 1).await.unwrap(), ["o-2"]);
    assert_eq!(orders_with_cases(&db, "o-2", 10).await.unwrap(), ["o-1"]);
    let reasons = unresolved(&db).await.unwrap();
    let told: Vec<_> = reasons.iter().map(|it| (it.reason.as_str(), it.cases, it.overdue)).collect();
    assert_eq!(told, [("stock-short", 2, 0)]);
}
