//! Events that share a transaction: a failing one fails no other, and none builds on what is undone.

use despatch_contracts::order::OrderCompleted;
use despatch_runtime::{migrate_all, provision_all};
use despatch_testkit::TestEnv;

use crate::fixture::{Fixture, asked, kept, told};
use crate::provider::Effect;

/// An environment whose first batch holds everything that is delivered before the worker runs.
async fn waiting_env() -> (TestEnv, Fixture) {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
    (env, fixture)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_that_fails_takes_no_neighbour_down_and_repeats_no_effect() {
    let (env, fixture) = waiting_env().await;
    for order in 0..30 {
        let reason = if order == 17 { "break" } else { "buy" };
        env.deliver(&asked(&format!("o-{order}"), reason)).await;
    }
    env.run(fixture.worker()).await;
    let letter = env.expect_dead("o-17").await;
    assert_eq!((letter.reason.as_str(), letter.failures.len()), ("attempts-exhausted", 3));
    env.quiet().await;
    assert_eq!(env.messages("dead.>").await.len(), 1);
    for order in 0..30 {
        let name = format!("o-{order}");
        assert_eq!(kept(&env, &name, "bought").await, i32::from(order != 17));
        // The broken one was performed at each of its tries; the others' responses were kept.
        let received = if order == 17 { 3 } else { 1 };
        let effects = fixture.provider.effects(&name).await;
        assert_eq!(effects, [Effect { key: format!("order/{name}/fixture//0"), received, firsts: 1 }]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_there_already_fails_its_own_event_only() {
    let (env, fixture) = waiting_env().await;
    for order in 0..10 {
        // Two of them want the same thing.
        let thing = if order == 7 { 3 } else { order };
        env.deliver(&told(&format!("o-{order}"), &format!("own {thing}"))).await;
    }
    env.run(fixture.worker()).await;
    env.quiet().await;
    let dead = env.messages("dead.fixture.attempts-exhausted").await;
    assert_eq!(dead.len(), 1);
    assert!(["order/o-3", "order/o-7"].contains(&dead[0].subject.as_str()));
    assert_eq!(env.messages("evt.order.completed").await.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_asks_with_one_statement_and_each_event_gets_its_own_answer() {
    let (env, fixture) = waiting_env().await;
    for order in 0..30 {
        env.deliver(&told(&format!("o-{order}"), "share")).await;
    }
    env.run(fixture.worker()).await;
    env.quiet().await;
    let sql = "select count(*), count(distinct statement) from fixture.answered";
    let row = env.db().await.query_one(sql, &[]).await.unwrap();
    let (answered, statements): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(answered, 30);
    // Deliveries need not all come in the first batch.
    assert!(statements <= 10, "{statements} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_for_what_is_undone() {
    let (env, fixture) = waiting_env().await;
    env.db().await.batch_execute("insert into fixture.stock values ('a', 3)").await.unwrap();
    // Each of these takes too many and is undone; the others find these units available.
    for (order, units) in [("o-0", 5), ("o-1", 2), ("o-2", 5), ("o-3", 2), ("o-4", 1), ("o-5", 1)] {
        env.deliver(&told(order, &format!("take a {units}"))).await;
    }
    env.run(fixture.worker()).await;
    env.quiet().await;
    let mut outcomes = Vec::new();
    for order in 0..6 {
        outcomes.push(env.count::<OrderCompleted>(&format!("o-{order}")).await);
    }
    assert_eq!(outcomes, [0, 1, 0, 0, 1, 0]);
    let left = env.db().await.query_one("select units from fixture.stock", &[]).await.unwrap();
    assert_eq!(left.get::<_, i32>(0), 0);
    assert_eq!(env.messages("dead.fixture.stock-short").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_on_one_key_gets_what_there_is() {
    let (env, fixture) = waiting_env().await;
    env.db().await.batch_execute("insert into fixture.stock values ('a', 20)").await.unwrap();
    for order in 0..200 {
        env.deliver(&told(&format!("o-{order}"), "take a 1")).await;
    }
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    env.quiet().await;
    assert_eq!(env.messages("evt.order.completed").await.len(), 20);
    assert_eq!(env.messages("dead.fixture.stock-short").await.len(), 180);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_on_one_key_who_only_look_do_so_together_and_see_what_was_taken_before_them() {
    let (env, fixture) = waiting_env().await;
    let mut left = 40;
    let seed = format!("insert into fixture.stock values ('a', {left})");
    env.db().await.batch_execute(&seed).await.unwrap();
    let wanted = |order: usize| [3, 50, 1, 39][order % 4];
    for order in 0..200 {
        env.deliver(&told(&format!("o-{order}"), &format!("want a {}", wanted(order)))).await;
    }
    env.run(fixture.worker()).await;
    env.quiet().await;
    for order in 0..200 {
        let gets = wanted(order) <= left;
        left -= if gets { wanted(order) } else { 0 };
        assert_eq!(env.count::<OrderCompleted>(&format!("o-{order}")).await, usize::from(gets), "o-{order}");
    }
    let row =
        env.db().await.query_one("select units, last_value from fixture.stock, fixture.statement", &[]).await;
    let row = row.unwrap();
    let (units, statements): (i32, i64) = (row.get(0), row.get(1));
    assert_eq!((units, left), (0, 0));
    // Of the first forty every other takes some. Then nothing is left, and none waits for another.
    assert!(statements < 130, "{statements} statements for 200 looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_blamed_for_what_broke_while_another_looked_ahead() {
    let (env, fixture) = waiting_env().await;
    env.db().await.batch_execute("insert into fixture.stock values ('a', 5)").await.unwrap();
    // The first writes nothing, so the next two run speculatively. One stops at its write, which comes first. The
    // other's read breaks the transaction, and its answer is not used.
    for (order, reason) in
        [("o-0", "want a 9"), ("o-1", "take a 1"), ("o-2", "break-beside a"), ("o-3", "take a 1")]
    {
        env.deliver(&told(order, reason)).await;
    }
    env.run(fixture.worker()).await;
    let letter = env.expect_dead("o-2").await;
    assert_eq!((letter.reason.as_str(), letter.failures.len()), ("attempts-exhausted", 3));
    env.quiet().await;
    let sql = "select state, generation from fixture.journal where subject in ('order/o-1', 'order/o-3')";
    let rows = env.db().await.query(sql, &[]).await.unwrap();
    let ended: Vec<(&str, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(ended, [("done", 0), ("done", 0)], "handled at the first try");
    let left = env.db().await.query_one("select units from fixture.stock", &[]).await.unwrap();
    assert_eq!(left.get::<_, i32>(0), 3);
}
