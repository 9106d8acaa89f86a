//! The fixture worker in a process of its own, which can be killed.

use despatch_testkit::{Child, TestEnv};

use crate::fixture::Fixture;

/// Starts a process that runs the fixture worker. `failpoints` is in the format of the `fail` crate, e.g.
/// `after-commit=return`.
pub(crate) fn start(env: &TestEnv, failpoints: &str) -> Child {
    Child::start("child::run", env, failpoints, &[])
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Some(env) = Child::joined().await else { return };
    let _failpoints = fail::FailScenario::setup();
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    Child::until_parent_ends().await;
}
