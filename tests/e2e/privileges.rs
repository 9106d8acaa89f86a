//! Each worker with no more than it needs: a user of the broker and a role of the database of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::{Client, Event};
use despatch_contracts::Event as _;
use despatch_contracts::stock::StockReserved;
use despatch_runtime::{Database, nats_options};
use despatch_sandbox::{Options, Sandbox};
use despatch_stack::Stack;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::child::{Despatch, despatch};
use crate::deployment::{checked_out, stock};
use crate::until::until;

const WORKERS: [&str; 8] =
    ["gateway", "orders", "inventory", "payments", "labels", "notifications", "reviews", "exceptions"];

/// Servers that know each worker, and what workers and operators are told of them.
struct Guarded {
    stack: Stack,
    dir: tempfile::TempDir,
    environment: BTreeMap<&'static str, String>,
}

impl Guarded {
    async fn new(sandbox: &Sandbox) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let printed = Despatch::run(despatch(["permissions", "nats", "--keys"]).arg(&keys)).await;
        assert!(printed.status.success(), "{printed:?}");
        let again = Despatch::run(despatch(["permissions", "nats", "--keys"]).arg(&keys)).await;
        assert_eq!(again.stdout, printed.stdout, "keys that are there are kept");
        let mut options = despatch_stack::Options::new(dir.path().join("servers"));
        options.nats_permissions = Some(format!("authorization {{ {} }}", printed.stdout));
        let stack = Stack::start(options).await.unwrap();
        let mut environment = BTreeMap::from([
            ("DESPATCH_NATS_URL", stack.nats_url().to_owned()),
            ("DESPATCH_RUNTIME_PROVISION", "false".into()),
            ("DESPATCH_RUNTIME_MIGRATE", "false".into()),
            ("DESPATCH_HEALTH_LISTEN", String::new()),
            ("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0".into()),
            ("DESPATCH_GATEWAY_API_KEYS", "the shop's key".into()),
            ("DESPATCH_LINKS_SECRET", "the secret of the links, at least 32 bytes".into()),
            ("DESPATCH_SHOP_PUBLIC_URL", "http://shop.invalid".into()),
            ("DESPATCH_SHIPPO_WEBHOOK_TOKENS", "the carrier's token".into()),
            ("DESPATCH_REVIEWS_REMINDERS_SECONDS", String::new()),
            ("DESPATCH_REVIEWS_LAPSE_AFTER_SECONDS", "1".into()),
        ]);
        environment.extend(sandbox.environment());
        Guarded { stack, dir, environment }
    }

    fn key(&self, user: &str) -> String {
        let path = self.dir.path().join("keys").join(format!("{user}.nk"));
        path.to_str().unwrap().to_owned()
    }

    /// The database as a worker's role, which has been given a password.
    fn database(&self, worker: &str) -> String {
        let (_, server) = self.stack.database_url().split_once('@').unwrap();
        format!("postgres://{}_{worker}:secret@{server}", self.name())
    }

    fn name(&self) -> &str {
        self.stack.database_url().rsplit('/').next().unwrap()
    }

    /// A command as this user of the broker, with this database.
    fn command(&self, args: &[&str], user: &str, database: &str) -> std::process::Command {
        let mut command = despatch(args);
        command.envs(&self.environment).env("DESPATCH_DATABASE_URL", database);
        command.env("DESPATCH_NATS_NKEY_FILE", self.key(user));
        command
    }

    /// An operator's command, to its end.
    async fn does(&self, args: &[&str], user: &str) -> String {
        let ended = Despatch::run(&mut self.command(args, user, self.stack.database_url())).await;
        assert!(ended.status.success(), "{args:?}: {ended:?}");
        ended.stdout
    }

    /// A worker's own connection to the broker, and what the server has said against what it did.
    async fn connect(&self, user: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
        let seed = std::fs::read_to_string(self.key(user)).unwrap();
        let url = self.stack.nats_url().replace("://", &format!("://{}@", seed.trim()));
        let (servers, options) = nats_options(&url).unwrap();
        let (say, said) = mpsc::unbounded_channel();
        let options = options.event_callback(move |event| {
            let say = say.clone();
            async move {
                if let Event::ServerError(error) = event {
                    say.send(error.to_string()).unwrap();
                }
            }
        });
        (options.connect(servers).await.unwrap(), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_do_all_their_work_with_no_more_than_their_own_rights() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let guarded = Guarded::new(&sandbox).await;
    guarded.does(&["migrate"], "operator").await;
    guarded.does(&["migrate"], "operator").await;
    guarded.does(&["provision"], "provisioner").await;
    let admin = Database::new(guarded.stack.database_url(), 2).unwrap();
    let db = admin.client().await.unwrap();
    for worker in WORKERS {
        let login = format!("alter role {}_{worker} login password 'secret'", guarded.name());
        db.batch_execute(&login).await.unwrap();
    }
    stock(&db, 10).await;

    let processes: BTreeMap<&str, Despatch> = WORKERS
        .into_iter()
        .map(|worker| {
            let mut command = guarded.command(&["run", worker], worker, &guarded.database(worker));
            (worker, Despatch::start(&mut command))
        })
        .collect();
    let gateway = until("the gateway listens", async || {
        let log = processes["gateway"].stderr();
        let line = log.lines().find(|line| line.contains("gateway listens"))?;
        Some(format!("http://{}", line.split_once("address=")?.1))
    })
    .await;
    sandbox.set_webhook_target(&gateway, Some("the carrier's token")).unwrap();

    // One that goes well, and one that goes through every hand: refused, edited, replayed.
    let mut orders =
        [checked_out(&sandbox.stripe_url(), 1).await, checked_out(&sandbox.stripe_url(), 2).await];
    orders[1]["ship_to"]["country"] = json!("QQ");
    for order in &orders {
        until("the order is taken", async || {
            let request = reqwest::Client::new().post(format!("{gateway}/v1/orders")).json(order);
            let answer = request.bearer_auth("the shop's key").send().await.unwrap();
            (answer.status() != 503).then(|| assert_eq!(answer.status(), 201))
        })
        .await;
    }
    let case = until("the case is there", async || {
        let listed = guarded.does(&["exceptions", "list", "--json"], "operator").await;
        serde_json::from_str::<Value>(&listed).unwrap()["cases"].get(0).cloned()
    })
    .await;
    let [handler, event] = ["handler", "event_id"].map(|field| case[field].as_str().unwrap());
    let shown = guarded.does(&["exceptions", "show", handler, event, "--contents"], "operator").await;
    let file = guarded.dir.path().join("event.json");
    std::fs::write(&file, shown.replace("QQ", "US")).unwrap();
    let edit = ["exceptions", "edit", handler, event, "--by", "ada", "--reason", "a slip", "--yes", "--from"];
    guarded.does(&[&edit[..], &[file.to_str().unwrap()]].concat(), "operator").await;
    until("both orders are completed and shown", async || {
        let shown =
            db.query("select order_id from orders.progress where state = 'completed'", &[]).await.unwrap();
        (shown.len() == 2).then_some(())
    })
    .await;
    let order_id: String = db.query_one("select min(order_id) from orders.orders", &[]).await.unwrap().get(0);
    let request = reqwest::Client::new().get(format!("{gateway}/v1/orders/{order_id}"));
    let shown = request.bearer_auth("the shop's key").send().await.unwrap();
    assert_eq!(shown.status(), 200, "the gateway reads the workers' records");
    works_with_stock(&gateway).await;

    for (worker, process) in processes {
        process.terminate();
        let ended = process.ended().await;
        let refused = ended
            .stderr
            .lines()
            .find(|line| ["permission", "Permission", "ERROR"].iter().any(|word| line.contains(word)));
        assert_eq!(refused, None, "{worker} was refused something that it needs");
    }
    refusals(&guarded).await;
    reads_what_the_read_model_declares(&guarded).await;
    drop(db);
    guarded.stack.stop().await.unwrap();
    sandbox.stop().await;
}

/// A receipt through the gateway, and every read of stock.
async fn works_with_stock(gateway: &str) {
    let client = reqwest::Client::new();
    let receipt =
        json!({ "request_id": "r-1", "rows": [{ "sku": "SKU-A", "location": "louisville", "quantity": 5 }] });
    let request = client.post(format!("{gateway}/v1/stock/receipts")).bearer_auth("the shop's key");
    assert_eq!(request.json(&receipt).send().await.unwrap().status(), 202);
    let read = async |path: &str| {
        let request = client.get(format!("{gateway}/v1/{path}")).bearer_auth("the shop's key");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json::<Value>().await.unwrap()
    };
    let done = async || {
        let status = read("stock/requests/r-1").await;
        (status["state"] == "done").then_some(status)
    };
    let status = until("the receipt is booked", done).await;
    assert_eq!(status["record"]["results"][0]["outcome"], "booked", "{status:#}");
    for path in ["stock", "stock/SKU-A", "stock/SKU-A/movements", "items", "locations"] {
        read(path).await;
    }
}

/// The gateway may read the schemas that the read model declares, write none of them, and reach no other.
async fn reads_what_the_read_model_declares(guarded: &Guarded) {
    let gateway = Database::new(&guarded.database("gateway"), 1).unwrap();
    let db = gateway.client().await.unwrap();
    for worker in WORKERS.into_iter().filter(|worker| *worker != despatch_gateway::NAME) {
        let select = format!("select * from {worker}.journal limit 1");
        let declared = despatch_read_model::SCHEMAS.contains(&worker);
        assert_eq!(db.query(&select, &[]).await.is_ok(), declared, "{worker}");
        let delete = db.batch_execute(&format!("delete from {worker}.journal")).await.unwrap_err();
        assert_eq!(delete.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{worker}");
    }
}

/// Statements that payments may not run.
async fn refusals(guarded: &Guarded) {
    let payments = Database::new(&guarded.database("payments"), 1).unwrap();
    let db = payments.client().await.unwrap();
    db.query("select * from payments.journal limit 1", &[]).await.unwrap();
    for statement in [
        "select * from inventory.stock",
        "update inventory.stock set available = 0",
        "create table inventory.extra (id int)",
        "create schema extra",
        "drop table orders.orders",
    ] {
        let refused = db.batch_execute(statement).await.unwrap_err();
        assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{statement}");
    }

    let (client, mut said) = guarded.connect("payments").await;
    let own = "$JS.API.CONSUMER.INFO.DESPATCH.payments-capture";
    let inbox = "_INBOX_payments.test";
    let mut answers = client.subscribe(inbox).await.unwrap();
    client.publish_with_reply(own, inbox, "".into()).await.unwrap();
    let answer =
        tokio::time::timeout(Duration::from_secs(10), futures_util::StreamExt::next(&mut answers)).await;
    assert!(answer.unwrap().is_some(), "its own consumer answers");
    for subject in [
        format!("evt.{}", StockReserved::TYPE),
        "replay.inventory.reserve".into(),
        "dead.inventory.stock-short".into(),
        "$JS.API.CONSUMER.MSG.NEXT.DESPATCH.inventory-reserve".into(),
        "$JS.ACK.DESPATCH.inventory-reserve.1.1.1.1.0".into(),
        "$JS.API.CONSUMER.CREATE.DESPATCH.spy".into(),
        "$JS.API.STREAM.DELETE.DESPATCH".into(),
    ] {
        client.publish(subject.clone(), "".into()).await.unwrap();
        let refused = tokio::time::timeout(Duration::from_secs(10), said.recv()).await;
        let refused = refused.unwrap_or_else(|_| panic!("payments may publish to {subject}")).unwrap();
        assert!(refused.to_lowercase().contains("permissions violation"), "{subject}: {refused}");
    }
    for subject in ["evt.>", "_INBOX_inventory.>"] {
        let _listening = client.subscribe(subject).await.unwrap();
        let refused = tokio::time::timeout(Duration::from_secs(10), said.recv()).await.unwrap().unwrap();
        assert!(refused.to_lowercase().contains("permissions violation"), "{subject}: {refused}");
    }
}
