//! Servers that a test may stop, and whose disks it may lose.

use std::path::{Path, PathBuf};
use std::process::Command;

use despatch_runtime::Settings;
use despatch_stack::{Options, Stack};
use despatch_testkit::TestEnv;

/// A pair of servers for one test.
pub(crate) struct Servers {
    pub(crate) stack: Stack,
    pub(crate) dir: PathBuf,
}

impl Servers {
    pub(crate) async fn start(name: &str) -> Self {
        let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let dir = shared.join(format!("{name}-{}", std::process::id()));
        let stack = Stack::start(Options::new(&dir)).await.unwrap();
        Servers { stack, dir }
    }

    pub(crate) async fn env(&self) -> TestEnv {
        self.env_that_sweeps_after(std::time::Duration::from_secs(2)).await
    }

    /// Creates an environment whose workers check the stream twelve times in this time.
    pub(crate) async fn env_that_sweeps_after(&self, sweep_after: std::time::Duration) -> TestEnv {
        let mut settings = Settings::new(self.stack.nats_url(), self.stack.database_url());
        settings.namespace = String::from("outage");
        settings.clock_tick = std::time::Duration::from_millis(25);
        settings.ack_wait = std::time::Duration::from_secs(3);
        settings.sweep_after = sweep_after;
        TestEnv::join(settings).await
    }

    /// Kills NATS, changes its store, and starts it again.
    pub(crate) async fn crash_nats(&mut self, meanwhile: impl FnOnce(&Path)) {
        signal("-KILL", self.stack.nats_pid());
        signal_gone(self.stack.nats_pid()).await;
        meanwhile(&self.dir.join("nats/jetstream"));
        self.stack.restart_nats().await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.stack.stop().await.unwrap();
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

pub(crate) fn signal(signal: &str, pid: Option<u32>) {
    let pid = pid.unwrap().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

async fn signal_gone(pid: Option<u32>) {
    let status = format!("/proc/{}/stat", pid.unwrap());
    despatch_testkit::eventually("the killed server is gone", async || {
        let stat = std::fs::read_to_string(&status).unwrap_or_default();
        // A zombie holds no files any more.
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    })
    .await;
}
