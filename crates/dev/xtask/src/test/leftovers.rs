//! Finds servers that outlived the tests that started them. Their command lines name their data directories.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::error::{TaskError, program};

/// How long servers whose test was killed may write their last checkpoint.
const GRACE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Fails if any process still names `dir` after a short while, and lists them.
pub(crate) fn none_under(dir: &Path) -> Result<(), TaskError> {
    let dir = dir.display().to_string();
    let started = Instant::now();
    loop {
        let left: Vec<String> = processes()?.into_iter().filter(|line| line.contains(&dir)).collect();
        if left.is_empty() {
            return Ok(());
        }
        if started.elapsed() > GRACE {
            return Err(TaskError::Leftovers(left));
        }
        thread::sleep(POLL);
    }
}

/// Returns one line per process: its id and its command line.
fn processes() -> Result<Vec<String>, TaskError> {
    // Slim Linux images lack `ps`; macOS lacks /proc.
    if let Ok(entries) = fs::read_dir("/proc") {
        return Ok(entries
            .flatten()
            .filter_map(|entry| {
                let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
                // A process that has ended meanwhile has no command line, and is ignored.
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                Some(format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " ")))
            })
            .collect());
    }
    let output = Command::new("ps").args(["-A", "-o", "pid=,command="]).output().map_err(program("ps"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_process_is_known_by_the_directory_in_its_command_line() {
        let marker = format!("/nowhere/leftovers-{}", std::process::id());
        let mut command = Command::new("sh");
        command.args(["-c", "echo; read _", &marker]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A process that has just begun has no command line yet.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let seen = processes().unwrap().into_iter().find(|line| line.contains(&marker));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(seen.is_some_and(|line| line.starts_with(&format!("{} ", child.id()))));
        none_under(Path::new(&marker)).unwrap();
    }
}
