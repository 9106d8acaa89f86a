//! Watches a private server: one that ends or hangs is restarted, at the same address.
//!
//! A process that runs proves little. A server that is stopped keeps its connections open, and a NATS whose disk was full
//! stores nothing until it is restarted. So a probe asks each server to store something.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use std::{fs, io};

use tokio::time::{sleep, timeout};

use crate::blocking::run_blocking;
use crate::error::{Program, StackError};
use crate::options::Options;
use crate::port::Wanted;
use crate::probe::{Probe, ProbeError};
use crate::server::Private;
use crate::{nats, postgres, private};

/// How often the system is asked whether the process still runs.
const POLL: Duration = Duration::from_millis(100);
/// The wait between two probes.
const INTERVAL: Duration = Duration::from_secs(5);
/// The same after one that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a server may take to answer a probe.
const ANSWER: Duration = Duration::from_secs(4);
/// How many probes in a row have to fail: a laptop that sleeps, or a busy disk, makes one or two late.
const FAILURES: u32 = 3;
/// How long a server that is restarted may take to end before it is killed.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The first and the longest wait before a restart that follows another one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A server that has served for this long is restarted at once.
const STEADY: Duration = Duration::from_secs(60);
/// How much room a server needs to start.
const ROOM: usize = 1024 * 1024;

/// News of a watched server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// The server.
    pub program: Program,
    /// The change.
    pub news: ServerNews,
}

/// A change of a watched server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerNews {
    /// It ended or hangs, and is restarted.
    Failed {
        /// How that was found.
        why: String,
    },
    /// It answers and stores nothing, which a restart does not change.
    Refuses {
        /// Its answer.
        why: String,
    },
    /// It stores again, without a restart.
    Stores,
    /// It is not restarted before there is room on its disk.
    NoRoom {
        /// The directory of its data.
        dir: PathBuf,
    },
    /// A restart failed.
    NotStarted {
        /// The error.
        error: String,
        /// The wait until the next attempt.
        again_in: Duration,
    },
    /// It serves again, at the same address.
    Restarted {
        /// How long it was away since that was found.
        away: Duration,
        /// Where its store is kept, if that could not be read.
        set_aside: Option<PathBuf>,
    },
}

/// Keeps a server serving, for as long as it is polled.
pub(crate) async fn keep(
    program: Program,
    server: &mut Private,
    options: &Options,
    probe: &Probe,
    tell: &(impl Fn(ServerEvent) + Sync),
) {
    let tell = |news| tell(ServerEvent { program, news });
    let mut pause = Duration::ZERO;
    loop {
        let serving = Instant::now();
        let url = server.url.clone();
        let why = tokio::select! {
            why = ended(server) => why,
            why = silent(&url, probe, &tell) => why,
        };
        tell(ServerNews::Failed { why });
        if serving.elapsed() > STEADY {
            pause = Duration::ZERO;
        }
        let failed = Instant::now();
        loop {
            sleep(pause).await;
            pause = (pause * 2).clamp(PAUSES.0, PAUSES.1);
            until_there_is_room(&options.data_dir, &tell).await;
            match restart(program, server, options).await {
                Ok(()) => break,
                Err(error) => tell(ServerNews::NotStarted { error: error.to_string(), again_in: pause }),
            }
        }
        tell(ServerNews::Restarted { away: failed.elapsed(), set_aside: server.set_aside.clone() });
    }
}

/// Returns how the server ended, once it has.
async fn ended(server: &mut Private) -> String {
    loop {
        match server.ended() {
            Ok(None) => sleep(POLL).await,
            Ok(Some(status)) => return format!("it ended ({})", cause(status)),
            Err(error) => return error.to_string(),
        }
    }
}

/// Returns why the server hangs, once several probes in a row show it.
async fn silent(url: &str, probe: &Probe, tell: &impl Fn(ServerNews)) -> String {
    let (mut failures, mut refuses) = (0, false);
    loop {
        sleep(if failures == 0 { INTERVAL } else { AGAIN }).await;
        let answer = timeout(ANSWER, probe(url.to_owned())).await;
        match answer.unwrap_or_else(|_| Err(ProbeError::Silent(format!("no answer within {ANSWER:?}")))) {
            Ok(()) => {
                failures = 0;
                if std::mem::take(&mut refuses) {
                    tell(ServerNews::Stores);
                }
            }
            Err(ProbeError::Refused(why)) => {
                failures = 0;
                if !std::mem::replace(&mut refuses, true) {
                    tell(ServerNews::Refuses { why });
                }
            }
            Err(ProbeError::Silent(why)) => {
                failures += 1;
                if failures == FAILURES {
                    return format!("it stores nothing: {why}");
                }
            }
        }
    }
}

async fn restart(program: Program, server: &mut Private, options: &Options) -> Result<(), StackError> {
    server.end(END_WITHIN).await?;
    *server = match program {
        Program::Nats => nats::start(options, Wanted::Same).await?,
        Program::Postgres => postgres::start(options, Wanted::Same).await?,
    };
    Ok(())
}

async fn until_there_is_room(dir: &Path, tell: &impl Fn(ServerNews)) {
    let mut told = false;
    loop {
        let file = dir.join("room");
        if !run_blocking(move || is_full(&file)).await {
            return;
        }
        if !std::mem::replace(&mut told, true) {
            tell(ServerNews::NoRoom { dir: dir.to_owned() });
        }
        sleep(INTERVAL).await;
    }
}

/// Returns whether a file finds no room. Any other error is the server's to report.
fn is_full(file: &Path) -> bool {
    let written = private::file().write(true).truncate(true).open(file).and_then(|mut file| {
        file.write_all(&vec![0; ROOM])?;
        file.sync_all()
    });
    // Without the file there is nothing to remove.
    let _ = fs::remove_file(file);
    matches!(written, Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

/// Says how a process ended, by its supervising shell: 128 + n for signal n.
fn cause(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code > 128 => format!("signal {}", code - 128),
        _ => status.to_string(),
    }
}
