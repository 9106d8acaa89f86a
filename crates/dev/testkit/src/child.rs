//! Workers in a process of its own, which can be killed: the test binary, run again.
//!
//! A test `run` that is ignored is what the process runs. It [joins](Child::joined) the environment, starts its workers, and
//! then waits [until its parent ends](Child::until_parent_ends).

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use despatch_runtime::Settings;

use crate::test_env::{TestEnv, eventually};

/// The variable with the environment's settings.
const SETTINGS: &str = "DESPATCH_TEST_CHILD";

/// A process; killed with its test.
pub struct Child(std::process::Child);

impl Child {
    /// Starts a process that runs this test of the binary, e.g. `child::run`. `failpoints` is in the format of the `fail`
    /// crate, e.g. `after-commit=return`. `variables` are what the test needs besides.
    pub fn start(test: &str, env: &TestEnv, failpoints: &str, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().expect("the binary has a path"))
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(SETTINGS, write(env.settings()))
            .env("FAILPOINTS", failpoints)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Child(child.expect("the binary runs again"))
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the process has ended", async || self.0.try_wait().expect("it is ours")).await
    }

    /// Waits until it has aborted.
    pub async fn aborted(&mut self) {
        assert_eq!(self.ended().await.signal(), Some(6), "SIGABRT");
    }

    /// Returns whether it has ended by now.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_some()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }

    /// Within the process: joins the environment; `None` where a person runs the test by hand.
    pub async fn joined() -> Option<TestEnv> {
        let settings = std::env::var(SETTINGS).ok()?;
        Some(TestEnv::join(read(&settings)).await)
    }

    /// Within the process: waits until the test that started it has ended, even if that was killed.
    pub async fn until_parent_ends() {
        let parent = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        parent.await.expect("it does not panic").expect("a pipe");
    }
}

impl Drop for Child {
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
    let millis = |index: usize| Duration::from_millis(fields[index].parse().expect("milliseconds"));
    let mut settings = Settings::new(fields[0], fields[1]);
    fields[2].clone_into(&mut settings.namespace);
    settings.ack_wait = millis(3);
    settings.sweep_after = millis(4);
    settings.clock_tick = Duration::from_millis(25);
    settings.connections = 4;
    settings
}
