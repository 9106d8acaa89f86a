//! The fixture worker in a process of its own, which can be killed: this test binary, run again.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use despatch_runtime::Settings;
use despatch_testkit::{TestEnv, eventually};

use crate::fixture::Fixture;

const SETTINGS: &str = "DESPATCH_TEST_CHILD";

/// A process that runs the fixture worker; killed with its test.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a process. `failpoints` is in the format of the `fail` crate, e.g. `after-commit=return`.
    pub(crate) fn start(env: &TestEnv, failpoints: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::run", "--ignored", "--nocapture"])
            .env(SETTINGS, write(env.settings()))
            .env("FAILPOINTS", failpoints)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process(child)
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the process has ended", async || self.0.try_wait().unwrap()).await
    }

    /// Waits until it has aborted.
    pub(crate) async fn aborted(&mut self) {
        assert_eq!(self.ended().await.signal(), Some(6), "SIGABRT");
    }

    /// Returns whether it has ended by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(settings: &Settings) -> String {
    let Settings { nats_url, database_url, namespace, .. } = settings;
    let (ack_wait, sweep_after) = (settings.ack_wait.as_millis(), settings.sweep_after.as_millis());
    [nats_url, database_url, namespace, &ack_wait.to_string(), &sweep_after.to_string()]
        .map(String::as_str)
        .join("\n")
}

fn read(text: &str) -> Settings {
    let fields: Vec<&str> = text.lines().collect();
    let millis = |index: usize| Duration::from_millis(fields[index].parse().unwrap());
    let mut settings = Settings::new(fields[0], fields[1]);
    fields[2].clone_into(&mut settings.namespace);
    settings.ack_wait = millis(3);
    settings.sweep_after = millis(4);
    settings.clock_tick = Duration::from_millis(25);
    settings.connections = 4;
    settings
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Ok(settings) = std::env::var(SETTINGS) else { return };
    let _failpoints = fail::FailScenario::setup();
    let env = TestEnv::join(read(&settings)).await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    // Ends with the test that started it, even if that is killed.
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    parent.await.unwrap().unwrap();
}
