//! `despatch up`: what it shows and where, its log, and the commands around it.

use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};

use crate::child::{Despatch, despatch};
use crate::local_deployment::{LocalDeployment, at};
use crate::pty::Terminal;
use crate::until::until;

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_addresses_and_next_commands_and_logs_to_a_file() {
    let local = LocalDeployment::start().await;
    let text = |name: &str| local.address[name].as_str().unwrap().to_owned();
    let dir = local.dir.path().display().to_string();
    let shown =
        until("the header", async || Some(local.up.stdout()).filter(|shown| shown.contains("Ctrl-C stops.")))
            .await;
    for part in [
        "ready in ",
        &format!("data in {dir}\n"),
        &format!("  Orders    {}/v1/orders", text("gateway_url")),
        "/mail  ",
        "  Sandbox   stands in for Stripe, Shippo and mail; nothing leaves this machine\n",
        &format!("despatch logs --follow --data-dir {dir}\n"),
        "\nTry, in another terminal:\n  despatch import ",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert_eq!(local.up.stderr(), "", "only warnings come here, and there are none");
    let log = local.dir.path().join("up.log");
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    assert_eq!(local.does(&["key"]).await.stdout, format!("{}\n", text("api_key")));
    let guide = local.does(&[]).await.stdout;
    assert!(guide.contains(&format!("running (process {})", local.up.id())), "{guide}");
    assert_eq!(local.does(&["logs", "-n", "3"]).await.stdout.lines().count(), 3);

    // A follower sees what happens after its start.
    let follower = Despatch::start(&mut local.command(&["logs", "--follow", "-n", "1"]));
    until("the follower has begun", async || (!follower.stdout().is_empty()).then_some(())).await;
    local.post(&local.checked_out(1).await, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    until("the log of it", async || follower.stdout().contains("sku-unknown").then_some(())).await;
    // Nothing is in stock: a case opens, and is told.
    until("the case", async || local.up.stdout().contains("  case 1  sku-unknown").then_some(())).await;
    until("the figures", async || local.up.stdout().contains("  1 order placed, 1 case open").then_some(()))
        .await;
    assert_eq!(local.up.stderr(), "", "a case is told once, not as a warning too");
    follower.terminate();
    assert!(follower.ended().await.status.success());

    // Neither the directory nor the port can be had twice; the first one's log stays as it is.
    let again = local.does(&["up"]).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(again.stderr.contains(&format!("is in use by process {}", local.up.id())), "{again:?}");
    assert!(!local.dir.path().join("up.log.1").exists(), "{again:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = text("gateway_url").replace("http://", "");
    let second = Despatch::run(&mut at(elsewhere.path(), &["up", "--listen", &taken])).await;
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let by = format!("error: {taken} is taken by process {} (despatch up)", local.up.id());
    assert!(
        second.stderr.contains(&by) && second.stderr.contains("hint: despatch up --listen "),
        "{second:?}"
    );

    // Stopped by its directory, not by its terminal.
    let stopped = local.does(&["stop"]).await;
    assert!(stopped.status.success() && stopped.stdout.contains(" … done in "), "{stopped:?}");
    let show = local.does(&["orders", "show", "test/1"]).await;
    assert_eq!(show.status.code(), Some(1), "{show:?}");
    assert!(
        show.stderr.starts_with(&format!("error: no despatch runs in {dir}\n\nhint: despatch up")),
        "{show:?}"
    );
    assert!(local.does(&["stop"]).await.stdout.starts_with("no despatch runs"));
    let ended = local.up.ended().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.contains("stopping … done in "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    // Every line goes to a full disk.
    let local = LocalDeployment::start_as(&["up", "--log"], &[], full).await;
    for number in 0..3 {
        let order = local.checked_out(number).await;
        local.post(&order, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    }
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_ends_it_at_once_and_nothing_is_wider_than_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let terminal = Terminal::new();
    let mut command = despatch(["up", "--listen", "127.0.0.1:0"]);
    command.current_dir(dir.path()).env("TERM", "xterm-256color");
    let mut child = terminal.spawn(&mut command);
    drop(command);
    let reader = std::thread::spawn(move || terminal.read_to_end());
    let address = until("the deployment is up", async || {
        let text = std::fs::read_to_string(dir.path().join(".despatch/address.json")).ok()?;
        serde_json::from_str::<serde_json::Value>(&text).ok()
    })
    .await;
    assert!(address["api_key"].is_string(), "{address}");
    let pid = Pid::from_child(&child);
    let status = until("it ends", async || {
        kill_process(pid, Signal::INT).unwrap();
        child.try_wait().unwrap()
    })
    .await;
    let seen = reader.join().unwrap();
    assert_eq!(status.code(), Some(130), "{seen}");
    assert!(seen.contains("stopping …") && seen.contains("ended at once"), "{seen}");
    for line in seen.lines() {
        let line = line.rsplit('\r').next().unwrap_or_default();
        assert!(line.chars().count() <= 80 || line.contains('\u{1b}'), "{line:?}");
    }
}
