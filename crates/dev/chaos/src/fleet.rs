//! The fleet: workers in processes of their own, as in a deployment, so that `kill -9` means something.
//!
//! They are this same binary under its other name. Each ends when the pipe on its standard input does, which only the
//! harness holds. So none outlives the harness, however it ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::frozen::Frozen;
use crate::result::Result;

/// The first argument that makes this process a `despatch` of the run instead of the harness.
pub(crate) const WORKER: &str = "despatch";

/// The workers that run, each in a process. Those listed twice are replicas.
pub(crate) const FLEET: [&str; 12] = [
    "gateway",
    "orders",
    "orders",
    "inventory",
    "inventory",
    "payments",
    "payments",
    "labels",
    "labels",
    "notifications",
    "reviews",
    "exceptions",
];

/// The gateway's place.
pub(crate) const GATEWAY: usize = 0;

/// Where distributions install the library that moves clocks.
const FAKETIME: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// Returns the library that moves clocks, if it is installed.
pub(crate) fn faketime() -> Option<PathBuf> {
    FAKETIME.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Ends this process as soon as its standard input ends, for the processes of the fleet.
pub(crate) fn end_with_the_harness() {
    std::thread::spawn(|| {
        // Nothing is ever written there, so this waits for the end.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

/// All processes.
pub(crate) struct Fleet {
    dir: PathBuf,
    environment: BTreeMap<&'static str, String>,
    processes: Vec<Process>,
}

/// One place of the fleet, and its current process.
struct Process {
    /// Its workers, separated by spaces.
    workers: &'static str,
    /// Number of starts.
    starts: usize,
    running: Option<Child>,
    frozen: Option<Frozen>,
}

impl Fleet {
    /// Creates a fleet that does not run yet; it logs under `dir`.
    /// Each entry of `fleet` is a process, and names its workers, separated by spaces.
    pub(crate) fn new(
        dir: &Path,
        environment: BTreeMap<&'static str, String>,
        fleet: &[&'static str],
    ) -> Self {
        let process = |workers: &&'static str| Process { workers, starts: 0, running: None, frozen: None };
        Fleet { dir: dir.to_owned(), environment, processes: fleet.iter().map(process).collect() }
    }

    /// Starts a process that does not run, with its clock moved by this many hours.
    pub(crate) fn start(&mut self, place: usize, hours: i64) -> Result {
        let process = &mut self.processes[place];
        if process.running.is_some() {
            return Ok(());
        }
        process.starts += 1;
        let log = File::create(self.dir.join(process.log_name(place)))?;
        let mut command = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"DESPATCH_") {
                command.env_remove(name);
            }
        }
        // The directory is named, so that a process can be distinguished from those of other runs.
        command.arg(WORKER).arg("--data-dir").arg(&self.dir).arg("run").args(process.workers.split(' '));
        command.envs(&self.environment);
        if let Some(library) = faketime().filter(|_| hours != 0) {
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("{hours:+}h"));
            // Only the clock moves; time passes at the same speed.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_DONT_RESET", "1");
        }
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        process.running = Some(command.spawn()?);
        Ok(())
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self, place: usize) -> Result {
        self.thaw(place)?;
        if let Some(mut child) = self.processes[place].running.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Sends SIGSTOP.
    pub(crate) fn freeze(&mut self, place: usize) -> Result {
        let process = &mut self.processes[place];
        let (Some(child), None) = (&process.running, &process.frozen) else { return Ok(()) };
        process.frozen = Some(Frozen::new(&[child.id()])?);
        Ok(())
    }

    /// Sends SIGCONT.
    pub(crate) fn thaw(&mut self, place: usize) -> Result {
        self.processes[place].frozen.take().map_or(Ok(()), Frozen::thaw)
    }

    /// Returns the processes that ended without being killed.
    pub(crate) fn ended(&mut self) -> Result<Vec<(usize, ExitStatus)>> {
        let mut ended = Vec::new();
        for (place, process) in self.processes.iter_mut().enumerate() {
            if let Some(child) = &mut process.running
                && let Some(status) = child.try_wait()?
            {
                process.running = None;
                ended.push((place, status));
            }
        }
        Ok(ended)
    }

    /// Returns the address at which the gateway of this place listens, once it does.
    pub(crate) fn gateway_address(&self, place: usize) -> Option<SocketAddr> {
        let log = self.log(place)?;
        let line = log.lines().find(|line| line.contains("gateway listens"))?;
        line.split_once("address=")?.1.trim().parse().ok()
    }

    /// Changes what processes are told by their environment, from their next start on.
    pub(crate) fn tell(&mut self, name: &'static str, value: String) {
        self.environment.insert(name, value);
    }

    /// Returns the process of this place, while it runs.
    pub(crate) fn pid(&self, place: usize) -> Option<u32> {
        self.processes[place].running.as_ref().map(Child::id)
    }

    /// Returns how often a process of this place was started.
    pub(crate) fn starts(&self, place: usize) -> usize {
        self.processes[place].starts
    }

    fn log(&self, place: usize) -> Option<String> {
        std::fs::read_to_string(self.dir.join(self.processes[place].log_name(place))).ok()
    }

    /// Returns every line in which a process reports a panic.
    pub(crate) fn panics(&self) -> Result<Vec<String>> {
        let mut panics = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                let lines = log.lines().filter(|line| line.contains("panicked at"));
                panics.extend(lines.map(|line| format!("{}: {line}", path.display())));
            }
        }
        Ok(panics)
    }
}

impl Process {
    fn log_name(&self, place: usize) -> String {
        let first = self.workers.split(' ').next().unwrap_or_default();
        format!("{first}-{place}.{}.log", self.starts)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for place in 0..self.processes.len() {
            // A process that cannot be killed has ended.
            let _ = self.kill(place);
        }
    }
}
