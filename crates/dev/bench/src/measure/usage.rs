//! The resources of a run: processor time, memory and writes of the benchmark, NATS and PostgreSQL, read from /proc.
//!
//! They are read by hand, because the available libraries either compile on Linux alone or do not separate shared
//! memory from a process's own, and PostgreSQL's processes share most of theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fs, io};

use serde::Serialize;

/// Interval of memory samples.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);

/// Milliseconds per tick. For /proc the kernel counts processor time in hundredths of a second on all supported
/// machines.
const TICK_MS: u64 = 10;

/// The servers' process ids; none if the servers are not private.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerPids {
    pub(crate) nats: Option<u32>,
    pub(crate) postgres: Option<u32>,
}

/// One figure for each of the three; `None` if the processes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(crate) struct Shares<T> {
    /// This process, with the load generator, and the worker processes that it started.
    pub(crate) despatch: T,
    pub(crate) nats: Option<T>,
    pub(crate) postgres: Option<T>,
}

impl<T: Copy> Shares<T> {
    /// Combines the figures of several runs, each through `f`.
    pub(crate) fn of<U: Copy>(all: &[Shares<T>], f: impl Fn(Vec<T>) -> U) -> Shares<U> {
        let each = |of: fn(&Shares<T>) -> Option<T>| all.iter().map(of).collect::<Option<Vec<T>>>();
        Shares {
            despatch: f(all.iter().map(|shares| shares.despatch).collect()),
            nats: each(|shares| shares.nats).map(&f),
            postgres: each(|shares| shares.postgres).map(&f),
        }
    }

    pub(crate) fn map<U>(self, f: impl Fn(T) -> U) -> Shares<U> {
        Shares { despatch: f(self.despatch), nats: self.nats.map(&f), postgres: self.postgres.map(&f) }
    }
}

impl Shares<u64> {
    /// Returns the growth of each.
    fn since(self, before: Self) -> Self {
        let between = |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
        Shares {
            despatch: self.despatch.saturating_sub(before.despatch),
            nats: between(self.nats, before.nats),
            postgres: between(self.postgres, before.postgres),
        }
    }
}

/// The resources of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time in milliseconds.
    pub(crate) cpu_ms: Shares<f64>,
    /// KiB written towards the disk.
    pub(crate) written_kib: Shares<f64>,
    /// The highest memory in MB (10⁶ bytes).
    pub(crate) rss_mb: Shares<f64>,
    /// The highest memory of any worker process; 0 if there were none.
    pub(crate) worker_mb: f64,
}

/// The highest memory so far, in KiB.
#[derive(Clone, Copy, Default)]
struct Peak {
    all: Shares<u64>,
    worker: u64,
}

/// Measures from its start to its stop.
pub(crate) struct Meter {
    family: Family,
    cpu_before: Shares<u64>,
    written_before: Shares<u64>,
    peak: Arc<Mutex<Peak>>,
    over: Arc<AtomicBool>,
    sampling: JoinHandle<()>,
}

impl Meter {
    /// Starts to measure. `children` are the worker processes.
    pub(crate) fn start(servers: ServerPids, children: Vec<u32>) -> io::Result<Self> {
        let ours = [std::process::id()].into_iter().chain(children).collect();
        let family = Family { ours, servers };
        // The writes of other accounts' processes may be unreadable, as in a container.
        let (cpu_before, written_before) = (family.all(cpu)?, family.all(written).unwrap_or_default());
        let (peak, over) = (Arc::default(), Arc::default());
        let sampling = std::thread::spawn({
            let (family, peak, over) = (family.clone(), Arc::clone(&peak), Arc::clone(&over));
            move || sample(&family, &peak, &over)
        });
        Ok(Meter { family, cpu_before, written_before, peak, over, sampling })
    }

    /// Stops and returns the figures.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run, bytes of memory")]
    pub(crate) fn stop(self) -> io::Result<Usage> {
        let cpu_ms = self.family.all(cpu)?.since(self.cpu_before).map(|ticks| (ticks * TICK_MS) as f64);
        let written = self.family.all(written).unwrap_or_default().since(self.written_before);
        let written_kib = written.map(|bytes| bytes as f64 / 1024.0);
        self.over.store(true, Ordering::Relaxed);
        self.sampling.thread().unpark();
        // The samples so far count.
        let _ = self.sampling.join();
        let peak = *self.peak.lock().unwrap_or_else(PoisonError::into_inner);
        let mb = |kib| kib as f64 * 1024.0 / 1e6;
        Ok(Usage { cpu_ms, written_kib, rss_mb: peak.all.map(mb), worker_mb: mb(peak.worker) })
    }
}

/// Records the highest memory.
fn sample(family: &Family, peak: &Mutex<Peak>, over: &AtomicBool) {
    loop {
        // A process may end while it is sampled; then the next sample counts.
        let workers = family.ours[1..].iter().map(|pid| memory(&[*pid]).unwrap_or_default());
        let largest = workers.max().unwrap_or_default();
        if let Ok(now) = family.all(memory) {
            let mut peak = peak.lock().unwrap_or_else(PoisonError::into_inner);
            peak.worker = peak.worker.max(largest);
            let all = &mut peak.all;
            *all = Shares {
                despatch: all.despatch.max(now.despatch),
                nats: all.nats.max(now.nats),
                postgres: all.postgres.max(now.postgres),
            };
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
        std::thread::park_timeout(SAMPLE_INTERVAL);
    }
}

#[derive(Clone)]
struct Family {
    /// This process, then the workers.
    ours: Vec<u32>,
    servers: ServerPids,
}

impl Family {
    fn all(&self, of: fn(&[u32]) -> io::Result<u64>) -> io::Result<Shares<u64>> {
        let nats = self.servers.nats.map(|pid| of(&[pid])).transpose()?;
        let postgres = self.servers.postgres.map(|pid| of(&with_children(pid)?)).transpose()?;
        Ok(Shares { despatch: of(&self.ours)?, nats, postgres })
    }
}

/// Returns a process and its children.
fn with_children(pid: u32) -> io::Result<Vec<u32>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    Ok([pid].into_iter().chain(children.split_whitespace().filter_map(|child| child.parse().ok())).collect())
}

/// Returns the ticks spent by processes and their ended children.
fn cpu(pids: &[u32]) -> io::Result<u64> {
    let mut ticks = 0;
    for (index, pid) in pids.iter().enumerate() {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => ticks += spent(&stat).unwrap_or_default(),
            // A child has ended meanwhile.
            Err(_) if index > 0 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ticks)
}

/// Returns the milliseconds of processor time that one process has spent so far.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
pub(crate) fn process_cpu_ms(pid: u32) -> io::Result<f64> {
    Ok((cpu(&[pid])? * TICK_MS) as f64)
}

/// Returns the bytes that processes have caused to be written.
fn written(pids: &[u32]) -> io::Result<u64> {
    let mut bytes = 0;
    for (index, pid) in pids.iter().enumerate() {
        match fs::read_to_string(format!("/proc/{pid}/io")) {
            Ok(io) => bytes += field(&io, "write_bytes:"),
            Err(_) if index > 0 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Returns the ticks in a line of /proc/…/stat, those of ended children included.
fn spent(stat: &str) -> Option<u64> {
    // The command's name may hold spaces and brackets; the rest holds none.
    let (_, fields) = stat.rsplit_once(')')?;
    let own_and_childrens = fields.split_whitespace().skip(11).take(4);
    own_and_childrens.map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Returns the resident memory of processes in KiB. Shared memory (PostgreSQL's buffers, the program) is counted once.
fn memory(pids: &[u32]) -> io::Result<u64> {
    let (mut own, mut buffers, mut files) = (0, 0, 0);
    for (index, pid) in pids.iter().enumerate() {
        match fs::read_to_string(format!("/proc/{pid}/status")) {
            Ok(status) => {
                own += field(&status, "RssAnon:");
                buffers = buffers.max(field(&status, "RssShmem:"));
                files = files.max(field(&status, "RssFile:"));
            }
            Err(_) if index > 0 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(own + buffers + files)
}

/// Returns a field of /proc/…/status or /proc/…/io, without its unit.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Returns how many processes wanted to run, over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_past_a_name_with_brackets() {
        let stat =
            "4242 (post) gres: x (y)) S 1 4242 4242 0 -1 4194560 900 10 0 0 120 30 7 3 20 0 1 0 99 1 2 3";
        assert_eq!(spent(stat), Some(160));
        assert_eq!(spent("nothing"), None);
    }

    #[test]
    fn fields_are_read_by_their_name() {
        let status = "Name:\tpostgres\nVmRSS:\t   31004 kB\nRssAnon:\t    2304 kB\nRssFile:\t    8700 kB\nRssShmem:\t   20000 kB\n";
        assert_eq!(
            (field(status, "RssAnon:"), field(status, "RssShmem:"), field(status, "RssNone:")),
            (2304, 20_000, 0)
        );
        assert_eq!(field("wchar: 9\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n", "write_bytes:"), 4096);
    }

    #[test]
    fn this_process_has_used_something() {
        let meter = Meter::start(ServerPids::default(), Vec::new()).unwrap();
        let usage = meter.stop().unwrap();
        assert!(usage.rss_mb.despatch > 1.0);
        assert_eq!(usage.rss_mb.nats, None);
    }
}
