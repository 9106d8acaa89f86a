//! The servers of a test binary: started by the first test that needs them, ended with the process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc;

use despatch_stack::{Options, Stack, remove_data};

/// The addresses of the servers.
#[derive(Debug, Clone)]
pub struct Servers {
    /// `nats://…`
    pub nats_url: String,
    /// `postgres://…`, of a role that may create databases.
    pub database_url: String,
}

impl Servers {
    /// Returns this binary's servers.
    pub fn shared() -> &'static Servers {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        SERVERS.get_or_init(|| {
            let (started, servers) = mpsc::channel();
            // A thread of its own keeps them, because the runtime of the first test ends with that test.
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let stack = Stack::start(Options::new(data_dir())).await.expect("the servers start");
                    let servers = Servers {
                        nats_url: stack.nats_url().to_owned(),
                        database_url: stack.database_url().to_owned(),
                    };
                    started.send(servers).expect("the test still waits");
                    std::future::pending::<()>().await;
                });
            });
            servers.recv().expect("the servers start")
        })
    }
}

/// Returns a directory named after this process. Removes those of processes that are gone.
fn data_dir() -> PathBuf {
    let stacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/test-stacks");
    for left in std::fs::read_dir(&stacks).into_iter().flatten().flatten() {
        let alive = left.file_name().to_str().is_some_and(|pid| Path::new("/proc").join(pid).exists());
        if !alive {
            // Another process may be removing it too.
            let _ = remove_data(&left.path());
        }
    }
    stacks.join(std::process::id().to_string())
}
