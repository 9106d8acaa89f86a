//! The private servers of `despatch up` fail in every way that was seen: they are restarted, and orders flow again.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::child::Despatch;
use crate::local_deployment::{LocalDeployment, at};
use crate::until::until;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The process of a server.
fn server(dir: &Path, name: &str) -> Option<Pid> {
    let pid = fs::read_to_string(dir.join(name).join("server.lock")).ok()?;
    Pid::from_raw(pid.strip_suffix('\n')?.parse().ok()?)
}

/// Places an order, and waits for its end.
async fn completes(local: &LocalDeployment, number: u64) {
    local.post(&local.checked_out(number).await, TRACE).await;
    local.becomes(&format!("test/{number}"), "completed").await;
}

/// Waits until `status` tells that a server was restarted for the `count`th time, and returns its line.
async fn restarted(local: &LocalDeployment, server: &str, count: &str) -> String {
    until("the restart is told", async || {
        let shown = local.does(&["status"]).await.stdout;
        let told = format!("{server} was restarted {count}, last at ");
        shown.lines().find(|line| line.contains(&told)).map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_flow_again_after_each_server_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    // It is empty, so it becomes the owner's alone.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let local = LocalDeployment::start_in(dir, &["up"], &[], Stdio::piped()).await;
    local.stock(10).await;
    completes(&local, 1).await;
    for (number, name, program) in [(2, "nats", "nats-server"), (3, "postgres", "PostgreSQL")] {
        kill_process(server(local.dir.path(), name).unwrap(), Signal::KILL).unwrap();
        let told = restarted(&local, program, "once").await;
        assert!(told.ends_with(": it ended (signal 9)"), "{told}");
        until("it serves again", async || {
            let order = local.checked_out(number).await;
            let request = reqwest::Client::new().post(format!("{}/v1/orders", local.gateway_url()));
            let request = request.bearer_auth(local.address["api_key"].as_str().unwrap()).json(&order);
            let status = request.send().await.unwrap().status().as_u16();
            assert!([200, 201, 503].contains(&status), "{status}");
            (status != 503).then_some(())
        })
        .await;
        local.becomes(&format!("test/{number}"), "completed").await;
        let shown = local.up.stderr();
        assert!(shown.contains(&format!("server restarted server=\"{program}\"")), "{shown}");
    }
    let found = local.json(&["doctor", "--json"]).await;
    let about = |subject: &str| {
        let checks = found["checks"].as_array().unwrap();
        checks.iter().find(|check| check["subject"] == subject).unwrap_or_else(|| panic!("{found:#}")).clone()
    };
    assert_eq!(about("private PostgreSQL")["grade"], "warning");
    let files = format!("files {}", local.dir.path().display());
    assert_eq!(about(&files)["grade"], "ok", "{found:#}");

    fs::set_permissions(local.dir.path().join("secrets.json"), Permissions::from_mode(0o644)).unwrap();
    let found: Value = local.json(&["doctor", "--json"]).await;
    let check = found["checks"].as_array().unwrap().iter().find(|check| check["subject"] == files.as_str());
    let check = check.unwrap();
    assert_eq!(check["grade"], "failed", "{check:#}");
    assert!(check["found"].as_str().unwrap().ends_with("secrets.json has mode 0644"), "{check:#}");

    loses_its_secrets(&local.stop_and_keep().await.keep()).await;
}

/// A lost file is named at once, and never replaced in silence.
async fn loses_its_secrets(dir: &Path) {
    let refused = async |name: &str, expected: &str| {
        let ended = Despatch::run(at(dir, &["up"]).env("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0")).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let path = dir.join(name).display().to_string();
        assert!(ended.stderr.contains(&path) && ended.stderr.contains(expected), "{ended:?}");
    };
    for (name, broken) in [
        ("secrets.json", &["", "{\"link_secret\":"][..]),
        ("postgres/password", &["", "0123456789abcdef0123456789abcdef"]),
    ] {
        let whole = fs::read(dir.join(name)).unwrap();
        for text in broken {
            fs::write(dir.join(name), text).unwrap();
            refused(name, "expected ").await;
        }
        fs::remove_file(dir.join(name)).unwrap();
        refused(name, "expected the ").await;
        assert!(!dir.join(name).exists(), "{name} is not replaced");
        fs::write(dir.join(name), whole).unwrap();
    }
    fs::remove_dir_all(dir).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_nats_whose_disk_was_full_is_restarted() {
    use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

    let local = LocalDeployment::start().await;
    local.stock(10).await;
    let nats = server(local.dir.path(), "nats").unwrap();
    // To a process, files that may not grow are a disk that is full.
    let full = Rlimit { current: Some(0), ..getrlimit(Resource::Fsize) };
    let before = prlimit(Some(nats), Resource::Fsize, full).unwrap();
    local.post(&local.checked_out(1).await, TRACE).await;
    let log = local.dir.path().join("nats/server.log");
    let unwritten =
        || fs::read_to_string(local.dir.path().join("up.log")).unwrap().contains("publish retried");
    until("the stream takes nothing", async || unwritten().then_some(())).await;
    // Now there is room, and only a restart helps.
    prlimit(Some(nats), Resource::Fsize, before).unwrap();
    let told = restarted(&local, "nats-server", "once").await;
    assert!(told.contains(": it stores nothing: "), "{told}\n{}", fs::read_to_string(log).unwrap());
    local.becomes("test/1", "completed").await;
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_is_set_aside_and_filled_again() {
    let local = LocalDeployment::start().await;
    local.stock(10).await;
    for number in 1..=3 {
        local.post(&local.checked_out(number).await, TRACE).await;
    }
    // In the middle of their way, so that the stream has what nobody has handled.
    local.up.kill();
    let dir = local.dir;
    let lock = dir.path().join("nats/server.lock");
    until("NATS ends too", async || File::open(&lock).unwrap().try_lock().is_ok().then_some(())).await;
    damage(&dir.path().join("nats/jetstream/$G/streams/DESPATCH/msgs"));

    let local = LocalDeployment::start_in(dir, &["up"], &[], Stdio::piped()).await;
    for number in 1..=3 {
        local.becomes(&format!("test/{number}"), "completed").await;
    }
    let aside: Vec<PathBuf> = fs::read_dir(local.dir.path().join("nats"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("jetstream.unreadable-20"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(aside[0].join("$G/streams/DESPATCH/msgs").exists(), "it is kept");
    let told = format!("kept as {}", aside[0].display());
    let status = local.does(&["status"]).await.stdout;
    assert!(status.contains(&told), "{status}");
    assert!(local.up.stderr().contains("server store unreadable"), "{}", local.up.stderr());
    local.stop().await;
}

/// Flips a bit in the number of the stream's last message, which becomes far too high. NATS then
/// computes without an end when it starts.
fn damage(messages: &Path) {
    let blocks = fs::read_dir(messages).unwrap().map(|entry| entry.unwrap().path());
    let block = blocks.filter(|path| path.extension().is_some_and(|extension| extension == "blk"));
    let block = block.max_by_key(|path| path.file_stem().unwrap().to_str().unwrap().parse::<u32>().unwrap());
    let block = block.unwrap();
    let mut bytes = fs::read(&block).unwrap();
    // A record begins with its length, whose highest bit says that it has headers, and its number, whose highest bits
    // mark what was deleted.
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        if bytes[at + 11] >> 6 == 0 {
            last = Some(at);
        }
        at += usize::try_from(length).unwrap();
    }
    bytes[last.unwrap() + 10] ^= 0x80;
    fs::write(&block, bytes).unwrap();
}
