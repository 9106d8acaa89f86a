//! A demo that is killed at random moments and started again on the same directory passes its audit in the end, with no
//! effect twice.

use std::fs::{self, File};
use std::path::PathBuf;

use despatch_runtime::Database;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Despatch, Ended, despatch};
use crate::until::until;

/// An order that completes has notified its customer of so much: that it is accepted, despatched, delivered, and whether it
/// was liked. Reminders are not counted: there are more of them the slower the machine is.
const MILESTONES: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_killed_ten_times_passes_its_audit() {
    let demo = Demo::new(500, None);
    let report = demo.carried_through(&moments(2, 10, 500)).await;
    assert_eq!(report["completed"], 500, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_whose_providers_misbehave_killed_three_times_passes_its_audit() {
    let demo = Demo::new(100, Some(7));
    let report = demo.carried_through(&moments(7, 3, 100)).await;
    let completed = report["completed"].as_u64().unwrap();
    assert!(completed >= 90, "about one order in fifty is refused for good: {report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_whose_servers_are_killed_passes_its_audit() {
    let demo = Demo::new(100, None);
    let running = demo.start();
    let database = until("the demo is ready", async || demo.database()).await;
    for (moment, server) in [(50, "postgres"), (150, "nats")] {
        until("a kill's moment", async || milestones(&database).await.filter(|passed| *passed >= moment))
            .await;
        let pid = fs::read_to_string(demo.dir.path().join(server).join("server.lock")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    let ended = running.ended().await;
    demo.audited(&ended);
    for server in ["PostgreSQL", "nats-server"] {
        assert!(ended.stderr.contains(&format!("server restarted server=\"{server}\"")), "{}", ended.stderr);
    }
}

/// When to kill: after so many milestones of all orders. Drawn evenly over the run by a seed, in ascending order; a
/// moment that has passed when its process comes up is the moment at which it is ready.
fn moments(seed: u64, kills: usize, orders: u64) -> Vec<u64> {
    // Leaves the last of them alone, so that every kill finds a demo to kill.
    let last = orders * MILESTONES * 95 / 100;
    let mut state = seed;
    let mut draw = || {
        // A linear congruential generator with the constants of Knuth's MMIX; its high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % last
    };
    let mut moments: Vec<u64> = (0..kills).map(|_| draw()).collect();
    moments.sort_unstable();
    moments
}

/// A demo on a directory of its own.
struct Demo {
    dir: TempDir,
    orders: u64,
    faults: Option<u64>,
}

impl Demo {
    fn new(orders: u64, faults: Option<u64>) -> Self {
        Demo { dir: tempfile::tempdir().unwrap(), orders, faults }
    }

    /// Runs the demo, kills it at each moment, and lets the last run end. Answers its report.
    async fn carried_through(&self, kills: &[u64]) -> Value {
        for (number, moment) in kills.iter().enumerate() {
            let mut demo = self.start();
            let mut database = None;
            let seen = until(&format!("kill {number}, at milestone {moment}"), async || {
                assert!(!demo.has_ended(), "ended before kill {number}, at milestone {moment}");
                if database.is_none() {
                    database = self.database();
                }
                milestones(database.as_ref()?).await.filter(|passed| passed >= moment)
            })
            .await;
            demo.kill();
            eprintln!("kill {number}: at milestone {seen}, drawn {moment}");
        }
        let report = self.audited(&self.start().ended().await);
        until("no server outlives the demo", async || self.has_no_servers().then_some(())).await;
        report
    }

    /// The report of a demo that has ended well.
    fn audited(&self, Ended { status, stdout, stderr }: &Ended) -> Value {
        assert!(status.success(), "{status}\n{stdout}{stderr}");

        let report: Value = serde_json::from_str(stdout).unwrap();
        let dead = report["dead_lettered"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
        assert_eq!(report["audit_passed"], true, "{report:#}");
        // Copies under the Message-ID of a mail whose answer was lost are no duplicates. They have a figure of their own.
        assert_eq!(report["duplicates"], 0, "{report:#}");
        assert!(report["emails_sent_again"].is_u64(), "{report:#}");
        assert_eq!(report["orders"], self.orders, "{report:#}");
        assert_eq!(report["completed"].as_u64().unwrap() + dead.sum::<u64>(), self.orders, "{report:#}");
        report
    }

    fn start(&self) -> Despatch {
        // Of the run before; what is there from now on was written by this one, when it was ready.
        let _ = fs::remove_file(self.address());
        let mut command = despatch(["demo", "--json", "--orders"]);
        command.arg(self.orders.to_string()).arg("--data-dir").arg(self.dir.path());
        if let Some(seed) = self.faults {
            command.arg("--faults").arg(seed.to_string());
        }
        Despatch::start(&mut command)
    }

    fn address(&self) -> PathBuf {
        self.dir.path().join("address.json")
    }

    /// The running demo's database, once it is ready.
    fn database(&self) -> Option<Database> {
        let address: Value = serde_json::from_str(&fs::read_to_string(self.address()).ok()?).unwrap();
        Some(Database::new(address["database_url"].as_str().unwrap(), 1).unwrap())
    }

    /// Whether no process of any run keeps this directory's data: each holds a lock as long as it lives.
    fn has_no_servers(&self) -> bool {
        ["nats", "postgres"].into_iter().all(|server| {
            let lock = File::open(self.dir.path().join(server).join("server.lock")).unwrap();
            lock.try_lock().is_ok()
        })
    }
}

/// How many milestones customers have been notified of.
async fn milestones(database: &Database) -> Option<u64> {
    let sql = "select count(distinct (order_id, milestone)) from notifications.sent
                where milestone <> 'review-reminder'";
    let row = database.client().await.ok()?.query_one(sql, &[]).await.ok()?;
    u64::try_from(row.get::<_, i64>(0)).ok()
}
