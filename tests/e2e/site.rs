//! A site as on a laptop: `despatch up` in a directory of its own, and the commands that find it there.

use std::path::Path;
use std::process::Command;

use despatch_runtime::Database;
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Despatch, Ended, despatch};
use crate::waiting::until;

/// `despatch up`, and its commands.
pub(crate) struct Site {
    dir: TempDir,
    up: Despatch,
    pub(crate) database: Database,
}

impl Site {
    /// Returns when everything works.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = at(dir.path(), &["up"]);
        command.env("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0");
        command
            .env("DESPATCH_REVIEWS_REMINDERS_SECONDS", "")
            .env("DESPATCH_REVIEWS_LAPSE_AFTER_SECONDS", "1");
        let up = Despatch::start(&mut command);
        let address = until("the site is up", async || {
            let text = std::fs::read_to_string(dir.path().join("address.json")).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        })
        .await;
        let database = Database::new(address["database_url"].as_str().unwrap(), 2).unwrap();
        Site { dir, up, database }
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

    /// A file of the site's directory with this in it.
    pub(crate) fn write(&self, name: &str, contents: &Value) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, contents.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.up.terminate();
        let ended = self.up.ended().await;
        assert!(ended.status.success(), "{ended:?}");
    }
}

fn at(dir: &Path, args: &[&str]) -> Command {
    let mut command = despatch(args);
    command.arg("--data-dir").arg(dir);
    command
}
