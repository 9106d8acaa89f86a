//! A sandbox's state survives the sandbox. Every write precedes its answer, so dropping a sandbox is as good as `kill
//! -9`, which one test sends all the same.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use despatch_sandbox::{Fault, Faults, Operation, Options, Rates, Sandbox, SandboxError, Target};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Method;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::gateway::Gateway;
use crate::shop::{Shop, authorisation, eventually, purchase};
use crate::webhooks::AT_ONCE;

fn on(dir: &Path) -> Options {
    Options { state_dir: Some(dir.to_owned()), tracking: AT_ONCE, ..Options::default() }
}

/// Half of all look-ups fail.
fn half() -> Faults {
    let rates = Rates { server_error: 0.5, ..Rates::default() };
    Faults { seed: 7, rates: BTreeMap::from([(Operation::FindPayment, rates)]), ..Faults::none() }
}

fn failing(dir: &Path) -> Options {
    Options { faults: half(), ..on(dir) }
}

async fn mail(shop: &Shop) {
    let mail = Message::builder()
        .from("shop@example.com".parse().unwrap())
        .to("a@example.com".parse().unwrap())
        .message_id(Some("<accepted.o1@shop>".into()))
        .body("hello".to_owned())
        .unwrap();
    let smtp = AsyncSmtpTransport::<Tokio1Executor>::from_url(&shop.sandbox.smtp_url()).unwrap().build();
    smtp.send(mail).await.unwrap();
}

#[tokio::test]
async fn effects_keys_and_mail_survive() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::with(on(dir.path())).await;
    let id = shop.authorise("o1", "500").await;
    let captured = shop.capture(&id, "k").await;
    shop.stripe("/v1/refunds", &[("payment_intent", &id), ("amount", "100")], "r").await;
    let path = "/v1/payment_intents";
    shop.try_stripe(Method::POST, path, &authorisation("without a key", "700"), None).await.unwrap();
    let rate = shop.rate("o1/1").await;
    let label = shop.shippo("/transactions", &purchase(&rate, "o1/1")).await;
    mail(&shop).await;
    let (counts, of_order) = (shop.sandbox.counts(), shop.sandbox.order_counts("o1").unwrap());
    drop(shop);

    let shop = reopen(dir.path()).await;
    assert_eq!(shop.sandbox.counts(), counts);
    assert_eq!(shop.sandbox.order_counts("o1").unwrap(), of_order);
    let again = shop.capture(&id, "k").await;
    assert!(again.replayed());
    assert_eq!(again.body, captured.body);
    let found = shop.shippo_get(&format!("/transactions/?rate={}", label.text("rate"))).await;
    assert_eq!(found.body["results"][0]["tracking_number"], label.body["tracking_number"]);
    let kept = shop.control(Method::GET, "/mail", None).await;
    assert_eq!(kept.body["mails"][0]["message_id"], "accepted.o1@shop");

    // New ids do not repeat old ones, a rate from before still buys, and copies of old mail are recognised.
    let other = shop.stripe("/v1/payment_intents", &authorisation("o2", "500"), "o2").await;
    assert_ne!(other.text("id"), id);
    let second = shop.shippo("/transactions", &purchase(&rate, "o1/2")).await;
    assert_ne!(second.text("object_id"), label.text("object_id"));
    mail(&shop).await;
    let counts = shop.sandbox.counts();
    assert_eq!((counts.mails, counts.distinct_mails), (2, 1));
    assert_eq!(
        (counts.resent_mails, counts.double_mails),
        (1, 0),
        "the client may have ended with the sandbox"
    );
}

/// The old sandbox is dropped without waiting for its connections, so its files may be held a moment longer.
async fn reopen(dir: &Path) -> Shop {
    eventually("the state is free", async || match Sandbox::start(on(dir)).await {
        Ok(sandbox) => {
            sandbox.stop().await;
            true
        }
        Err(SandboxError::InUse { .. }) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
    Shop::with(on(dir)).await
}

#[tokio::test]
async fn an_effect_without_an_answer_survives() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::with(on(dir.path())).await;
    let id = shop.authorise("o1", "500").await;
    let lost = Target { operation: Operation::Capture, order: "o1".into(), fault: Fault::Timeout, times: 1 };
    shop.sandbox.fault_next(lost);
    let path = format!("/v1/payment_intents/{id}/capture");
    assert!(shop.try_stripe(Method::POST, &path, &[], Some("k")).await.is_err());
    drop(shop);
    let shop = reopen(dir.path()).await;
    assert_eq!(shop.sandbox.counts().captures, 1);
    assert!(shop.capture(&id, "k").await.replayed());
}

#[tokio::test]
async fn scans_that_are_left_are_sent_after_a_restart_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::open(&[]).await;
    let shop = Shop::with(on(dir.path())).await;
    let done = shop.buy("done/1").await;
    shop.sandbox.set_webhook_target(&gateway.url, None).unwrap();
    assert_eq!(gateway.statuses(2).await, ["TRANSIT", "DELIVERED"]);
    let path = format!("/transactions/{}", done.text("object_id"));
    eventually("both scans are noted", async || {
        shop.shippo_get(&path).await.text("tracking_status") == "DELIVERED"
    })
    .await;
    drop(shop);

    // Without a target nothing is sent; the scans wait.
    let shop = reopen(dir.path()).await;
    shop.buy("waiting/1").await;
    shop.sandbox.stop().await;
    let shop = Shop::with(on(dir.path())).await;
    shop.sandbox.set_webhook_target(&gateway.url, None).unwrap();
    for status in ["TRANSIT", "DELIVERED"] {
        let (_, webhook) = gateway.next().await;
        assert_eq!(webhook["data"]["metadata"], "waiting/1");
        assert_eq!(webhook["data"]["tracking_status"]["status"], status);
    }
}

#[tokio::test]
async fn torn_last_lines_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::with(on(dir.path())).await;
    shop.authorise("o1", "500").await;
    shop.buy("o1/1").await;
    mail(&shop).await;
    let counts = shop.sandbox.counts();
    shop.sandbox.stop().await;
    for name in ["stripe.jsonl", "shippo.jsonl", "mail.jsonl", "mail.raw", "attempts.jsonl"] {
        let mut file = OpenOptions::new().append(true).open(dir.path().join(name)).unwrap();
        file.write_all(br#"{"at_ms":1,"inte"#).unwrap();
    }
    let shop = reopen(dir.path()).await;
    assert_eq!(shop.sandbox.counts(), counts);
    mail(&shop).await;
    let url = format!("{}/mail/2", shop.sandbox.control_url());
    let kept = shop.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(kept.trim_end().ends_with("hello"), "{kept}");
}

#[tokio::test]
async fn two_sandboxes_do_not_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _shop = Shop::with(on(dir.path())).await;
    let second = Sandbox::start(on(dir.path())).await;
    assert!(matches!(second.err(), Some(SandboxError::InUse { .. })));
}

/// The variable with the child process's state directory.
const CHILD: &str = "SANDBOX_TEST_STATE_DIR";

#[tokio::test]
#[ignore = "it is run, and killed, by the test below"]
async fn child() {
    let Some(dir) = env::var_os(CHILD).map(PathBuf::from) else { return };
    let sandbox = Sandbox::start(failing(&dir)).await.unwrap();
    println!("\nstripe {}", sandbox.stripe_url());
    std::future::pending::<()>().await;
}

/// A sandbox in a process of its own, and the base URL of its payment intents.
async fn spawn(dir: &Path) -> (Child, String) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "restart::child", "--ignored", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the child says where it listens");
        if let Some(url) = line.strip_prefix("stripe ") {
            return (child, format!("{url}/v1/payment_intents"));
        }
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, stripe) = spawn(dir.path()).await;
    let clients = Shop::open().await.http;
    let authorise = async |n: u32| {
        let order = format!("o{n}");
        let form = authorisation(&order, "500");
        let request = clients.post(&stripe).bearer_auth("sk_test_1").header("Idempotency-Key", &order);
        request.form(&form).send().await.is_ok_and(|answer| answer.status() == 200)
    };
    // Eight lanes are at work when the process dies.
    let answered = AtomicU32::new(0);
    let lane = async |first: u32| {
        let mut n = first;
        while authorise(n).await {
            answered.fetch_add(1, Ordering::Relaxed);
            n += 8;
        }
    };
    let killer = async {
        eventually("enough orders", async || answered.load(Ordering::Relaxed) >= 100).await;
        child.kill().await.unwrap();
    };
    tokio::join!(killer, futures_util::future::join_all((0..8).map(lane)));

    let sandbox = Sandbox::start(on(dir.path())).await.unwrap();
    let (answered, kept) = (u64::from(answered.into_inner()), sandbox.counts().intents);
    // Each lane may have had one more accepted and not yet answered.
    assert!((answered..=answered + 8).contains(&kept), "{answered} answered, {kept} kept");
}

const LOOK_UPS: u32 = 40;

/// Looks each of some unknown payments up once, and returns the statuses.
async fn look_up(http: &reqwest::Client, intents: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for n in 0..LOOK_UPS {
        let request = http.get(format!("{intents}/pi_{n}")).bearer_auth("sk_test_1");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

/// The statuses of everyone's try of this number, from 0.
fn drawn(attempt: u32) -> Vec<u16> {
    let fault = |n| half().draw(Operation::FindPayment, &format!("pi_{n}"), attempt);
    (0..LOOK_UPS).map(|n| if fault(n) == Some(Fault::ServerError) { 500 } else { 404 }).collect()
}

#[tokio::test]
async fn a_fault_does_not_hit_the_same_try_again_after_a_kill() {
    assert!(drawn(0) != drawn(1) && drawn(1) != drawn(2));
    let dir = tempfile::tempdir().unwrap();
    let (mut child, intents) = spawn(dir.path()).await;
    let http = Shop::open().await.http;
    assert_eq!(look_up(&http, &intents).await, drawn(0));
    child.kill().await.unwrap();

    let sandbox = Sandbox::start(failing(dir.path())).await.unwrap();
    let intents = |sandbox: &Sandbox| format!("{}/v1/payment_intents", sandbox.stripe_url());
    assert_eq!(look_up(&http, &intents(&sandbox)).await, drawn(1));
    sandbox.stop().await;

    // New faults begin at 0 again, and that is not forgotten either.
    let sandbox = Sandbox::start(failing(dir.path())).await.unwrap();
    sandbox.set_faults(half()).unwrap();
    assert_eq!(look_up(&http, &intents(&sandbox)).await, drawn(0));
    sandbox.stop().await;
    let sandbox = Sandbox::start(failing(dir.path())).await.unwrap();
    assert_eq!(look_up(&http, &intents(&sandbox)).await, drawn(1));
}
