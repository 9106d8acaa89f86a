//! Background tasks that panic: each is started again, and no event is lost for it.

use despatch_contracts::order::OrderCompleted;
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::review::ReviewAskDue;
use despatch_runtime::{migrate_all, provision_all};

use crate::child;
use crate::fixture::{Fixture, asked, told};
use crate::hasty_env;

/// Tasks of a process, each by a place that it passes in its work.
const TASKS: [&str; 6] = ["scheduler", "recovery", "effects-ledger", "statements", "acks", "before-commit"];

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_panic_are_started_again() {
    let env = hasty_env().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let panics: Vec<String> = TASKS.iter().map(|task| format!("{task}=1*panic")).collect();
    let mut process = child::start(&env, &panics.join(";"));
    env.deliver(&asked("bought", "buy")).await;
    env.deliver(&told("told", "timer")).await;
    env.expect::<PaymentRefunded>("bought").await;
    env.expect::<OrderCompleted>("told").await;
    env.expect::<ReviewAskDue>("told").await;
    env.quiet().await;
    assert!(!process.has_ended());
}
