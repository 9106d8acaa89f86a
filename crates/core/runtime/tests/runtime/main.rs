//! The runtime against real servers, through a worker made for the purpose.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod author;
mod child;
mod fixture;
mod provider;
mod servers;

mod authoring;
mod batches;
mod boundaries;
mod breakers;
mod clocks;
mod doctor;
mod drain;
mod hung;
mod ledger;
mod malformed;
mod operating;
mod outages;
mod panics;
mod partitions;
mod pruning;
mod quarantine;
mod recording;
mod recovery;
mod replays;
mod replicas;
mod retries;
mod unreadable;

use std::time::Duration;

use despatch_runtime::Settings;
use despatch_testkit::TestEnv;

/// An environment with short waits, for tests in which a process dies and others wait for that.
async fn hasty_env() -> TestEnv {
    let env = TestEnv::new().await;
    let settings = Settings {
        ack_wait: Duration::from_secs(1),
        sweep_after: Duration::from_millis(500),
        ..env.settings().clone()
    };
    TestEnv::join(settings).await
}
