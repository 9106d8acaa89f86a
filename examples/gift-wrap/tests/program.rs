//! The program: the commands of despatch know the worker, and run it beside the others.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use despatch_testkit::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio_postgres::NoTls;

const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/superstore.csv");

/// The program, without what the environment says of a deployment.
fn gift_wrap(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gift-wrap"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"DESPATCH_") {
            command.env_remove(name);
        }
    }
    command.args(args).arg("--data-dir").arg(dir).env("DESPATCH_GIFTWRAP_AT_LEAST_MINOR", "0");
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

/// `gift-wrap up`, killed when it is dropped.
struct Up(Child);

impl Up {
    fn start(dir: &Path) -> Self {
        let mut command = gift_wrap(dir, &["up"]);
        command.env("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0").stderr(Stdio::null());
        Up(command.spawn().expect("the program runs"))
    }

    /// Asks it to stop; whether it ended well.
    fn stop(mut self) -> bool {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it runs");
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Nothing is left to kill when it was stopped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn its_commands_know_the_worker() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = output(&mut gift_wrap(dir.path(), &["config"])).stdout;
    assert!(String::from_utf8_lossy(&config).contains("[giftwrap]\nat_least_minor = 10000"));
    let help = output(&mut gift_wrap(dir.path(), &["run", "--help"])).stdout;
    assert!(String::from_utf8_lossy(&help).contains("exceptions, giftwrap"));
    let wrong = output(gift_wrap(dir.path(), &["config"]).env("DESPATCH_GIFTWRAP_BOWS", "1"));
    assert!(wrong.status.success(), "the defaults are printed whatever the environment says");
    let wrong = output(gift_wrap(dir.path(), &["doctor"]).env("DESPATCH_GIFTWRAP_BOWS", "1"));
    let wrong = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        wrong.contains("DESPATCH_GIFTWRAP_BOWS  no such variable; did you mean DESPATCH_GIFTWRAP_PAPER?"),
        "{wrong}"
    );
}

#[tokio::test]
async fn its_worker_handles_the_orders_of_the_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let up = Up::start(dir.path());
    let address = eventually("the deployment is up", async || {
        let text = std::fs::read_to_string(dir.path().join("address.json")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    })
    .await;
    let imported = output(&mut gift_wrap(dir.path(), &["import", ORDERS, "--orders", "5", "--stock"]));
    assert!(imported.status.success(), "{imported:?}");

    let database = address["database_url"].as_str().expect("the address has it");
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.expect("the database");
    tokio::spawn(connection);
    eventually("the paper of five orders is counted", async || {
        let row =
            client.query_opt("select sheets from giftwrap.paper where colour = 'red'", &[]).await.ok()??;
        (row.get::<_, i64>(0) >= 5).then_some(())
    })
    .await;
    let examined = output(&mut gift_wrap(dir.path(), &["doctor"]));
    let findings = String::from_utf8_lossy(&examined.stdout);
    assert!(examined.status.success() && findings.contains("giftwrap-wrap"), "{findings}");
    assert!(up.stop());
}
