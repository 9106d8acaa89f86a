//! `despatch stop`: stops the `up` or `demo` of a data directory, and waits for its end.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::local::{DataDir, Owner};
use crate::output::print;
use crate::result::{Result, hinted};

/// How long a clean stop may take: the drain's grace, and the servers' end.
const STOPPED_WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// Asks the owner of the directory to stop, and returns when it has.
pub(crate) async fn stop(data_dir: &DataDir) -> Result {
    let dir = data_dir.path().display();
    let pid = match data_dir.owner()? {
        Owner::Nobody => return print(&format!("no despatch runs in {dir}\n")),
        Owner::Process(pid) => pid,
        Owner::Unknown => {
            return Err(hinted(
                format!("{dir} is in use, but not by a process that can be seen from here"),
                "stop it where it runs: in its container, or as its user",
            ));
        }
    };
    let id = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("the lock names no process")?;
    let started = Instant::now();
    kill_process(id, Signal::TERM).map_err(|error| {
        hinted(
            format!("process {pid}, the despatch of {dir}, cannot be stopped: {error}"),
            "stop it as the user who started it",
        )
    })?;
    print(&format!("stopping process {pid} …"))?;
    while data_dir.owner()? == Owner::Process(pid) {
        if started.elapsed() > STOPPED_WITHIN {
            print("\n")?;
            return Err(hinted(
                format!("process {pid} has not stopped after {} s", STOPPED_WITHIN.as_secs()),
                format!("look into the log, `despatch logs`; `kill -9 {pid}` ends it, and no order is lost"),
            ));
        }
        tokio::time::sleep(POLL).await;
    }
    print(&format!(" done in {:.1} s\n", started.elapsed().as_secs_f64()))
}
