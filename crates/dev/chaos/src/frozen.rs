//! Processes that are stopped by SIGSTOP, and continue at the latest when the harness ends.
//!
//! A frozen process cannot see the harness's end. So a shell freezes it, and thaws it when the shell's own pipe ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::result::Result;

/// Frozen processes.
pub(crate) struct Frozen {
    /// The shell that keeps them frozen.
    freezer: Child,
}

impl Frozen {
    /// Sends SIGSTOP. The first process comes first, so that it starts no others meanwhile.
    pub(crate) fn new(pids: &[u32]) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "kill -STOP \"$@\"; read -r _; kill -CONT \"$@\"", "freezer"]);
        command.args(pids.iter().map(u32::to_string)).stdin(Stdio::piped()).stderr(Stdio::null());
        // Ctrl-C must reach the harness alone, whose end thaws the processes.
        command.process_group(0);
        Ok(Frozen { freezer: command.spawn()? })
    }

    /// Sends SIGCONT.
    pub(crate) fn thaw(mut self) -> Result {
        drop(self.freezer.stdin.take());
        self.freezer.wait()?;
        Ok(())
    }
}
