//! A deployment as on a laptop: `despatch up` in a directory of its own, and the commands that find it there.

use std::path::Path;
use std::process::{Command, Stdio};

use despatch_runtime::Database;
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Despatch, Ended, despatch};
use crate::deployment::{checked_out, stock};
use crate::until::until;

/// `despatch up`, and its commands.
pub(crate) struct LocalDeployment {
    pub(crate) dir: TempDir,
    pub(crate) up: Despatch,
    pub(crate) database: Database,
    pub(crate) address: Value,
}

impl LocalDeployment {
    /// Receives so many units more at every position of the stock.
    pub(crate) async fn deliver(&self, receipt: &str, units: i64) {
        let client = self.database.client().await.unwrap();
        let rows = client.query("select sku, location from inventory.stock", &[]).await.unwrap();
        let lines: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1), units)).collect();
        despatch_inventory::store::receive(&**client, receipt, &lines).await.unwrap();
    }

    /// Returns when everything works.
    pub(crate) async fn start() -> Self {
        LocalDeployment::start_with(&[]).await
    }

    /// Starts it with further environment variables.
    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Self {
        LocalDeployment::start_as(&["up"], environment, Stdio::piped()).await
    }

    /// Starts it with this command line and standard error.
    pub(crate) async fn start_as(
        args: &[&str],
        environment: &[(&str, &str)],
        stderr: impl Into<Stdio>,
    ) -> Self {
        LocalDeployment::start_in(tempfile::tempdir().unwrap(), args, environment, stderr).await
    }

    /// Starts it in a directory, where another one may have run before.
    pub(crate) async fn start_in(
        dir: TempDir,
        args: &[&str],
        environment: &[(&str, &str)],
        stderr: impl Into<Stdio>,
    ) -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Of the run before; what is there from now on was written by this one, when it was ready.
        let _ = std::fs::remove_file(dir.path().join("address.json"));
        let mut command = at(dir.path(), args);
        command.env("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0").envs(environment.iter().copied());
        command
            .env("DESPATCH_REVIEWS_REMINDERS_SECONDS", "")
            .env("DESPATCH_REVIEWS_LAPSE_AFTER_SECONDS", "1");
        let up = Despatch::start_with(&mut command, stderr);
        let address = until("the deployment is up", async || {
            let text = std::fs::read_to_string(dir.path().join("address.json")).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        })
        .await;
        let database = Database::new(address["database_url"].as_str().unwrap(), 2).unwrap();
        LocalDeployment { dir, up, database, address }
    }

    /// An order that has been paid for.
    pub(crate) async fn checked_out(&self, number: u64) -> Value {
        checked_out(self.address["sandbox_stripe_url"].as_str().unwrap(), number).await
    }

    /// Places an order as a shop does that is traced itself.
    pub(crate) async fn post(&self, order: &Value, traceparent: &str) {
        let url = format!("{}/v1/orders", self.address["gateway_url"].as_str().unwrap());
        let request = reqwest::Client::new().post(url).bearer_auth(self.address["api_key"].as_str().unwrap());
        let answer = request.header("traceparent", traceparent).json(order).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }

    /// Receives units of what test orders want.
    pub(crate) async fn stock(&self, units: i64) {
        let db = self.database.client().await.unwrap();
        stock(&db, units).await;
    }

    /// The open case of this reason.
    pub(crate) async fn case(&self, reason: &str) -> Value {
        until(reason, async || {
            let listed = self.json(&["exceptions", "list", "--reason", reason, "--json"]).await;
            listed["cases"].get(0).cloned()
        })
        .await
    }

    pub(crate) async fn becomes(&self, order_id: &str, state: &str) {
        until(state, async || {
            // Before it is accepted there is no order to show.
            let shown = self.does(&["orders", "show", order_id, "--json"]).await.stdout;
            let shown: Value = serde_json::from_str(&shown).ok()?;
            (shown["state"] == state).then_some(())
        })
        .await;
    }

    /// A command of it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        at(self.dir.path(), args)
    }

    /// Runs a command that ends by itself.
    pub(crate) async fn does(&self, args: &[&str]) -> Ended {
        Despatch::run(&mut self.command(args)).await
    }

    /// Runs a command that prints JSON.
    pub(crate) async fn json(&self, args: &[&str]) -> Value {
        let ended = self.does(args).await;
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// A file of its directory with this in it.
    pub(crate) fn write(&self, name: &str, contents: &Value) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, contents.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Where its gateway is.
    pub(crate) fn gateway_url(&self) -> &str {
        self.address["gateway_url"].as_str().unwrap()
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.stop_and_keep().await;
    }

    /// Stops in good order; answers the directory.
    pub(crate) async fn stop_and_keep(self) -> TempDir {
        self.up.terminate();
        let ended = self.up.ended().await;
        assert!(ended.status.success(), "{ended:?}");
        self.dir
    }
}

pub(crate) fn at(dir: &Path, args: &[&str]) -> Command {
    let mut command = despatch(args);
    command.arg("--data-dir").arg(dir);
    command
}

/// The id of the order that a case is about.
pub(crate) fn order_of(case: &Value) -> &str {
    case["subject"].as_str().and_then(|subject| subject.strip_prefix("order/")).unwrap()
}
