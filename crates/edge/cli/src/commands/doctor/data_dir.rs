//! The examination of a data directory: room, permissions, and how the private servers are.

use despatch_runtime::doctor::{Check, Grade};

use crate::local::DataDir;

/// How much room the private servers should have, and how much they must.
const ROOM: (u64, u64) = (2_000_000_000, 250_000_000);

const UNREADABLE: &str = "See to it that the data directory can be read.";

/// Examines the directory. `running` says whether a deployment runs in it.
pub(super) fn examine(data_dir: &DataDir, running: bool) -> Vec<Check> {
    let mut checks = vec![room(data_dir), permissions(data_dir)];
    if running {
        checks.extend(servers(data_dir));
    }
    checks
}

/// The free room on the private servers' disk.
fn room(data_dir: &DataDir) -> Check {
    let subject = format!("disk {}", data_dir.path().display());
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let expected = format!("more than {} free", megabytes(ROOM.0));
    let free = match rustix::fs::statvfs(data_dir.path()) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Check::ok(subject, error.to_string(), expected).but(Grade::Failed, UNREADABLE),
    };
    let check = Check::ok(subject, format!("{} free", megabytes(free)), expected);
    let grade = match free {
        free if free >= ROOM.0 => return check,
        free if free >= ROOM.1 => Grade::Warning,
        _ => Grade::Failed,
    };
    check.but(
        grade,
        "Make room, or move it: --data-dir (DESPATCH_DATA_DIR). Both servers stop when it is full.",
    )
}

/// Whether others may read what is here.
fn permissions(data_dir: &DataDir) -> Check {
    let subject = format!("files {}", data_dir.path().display());
    let check = |found: String| Check::ok(&subject, found, "no rights for others than the owner");
    let open = match data_dir.open_to_others() {
        Ok(open) => open,
        Err(error) => return check(error.to_string()).but(Grade::Failed, UNREADABLE),
    };
    let Some(first) = open.iter().find(|open| !open.is_dir).or(open.first()) else {
        return check("the owner's alone".to_owned());
    };
    let path = first.path.display();
    let more = match open.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    // A directory shows names only. Files hold secrets, orders and mail.
    let grade = if first.is_dir { Grade::Warning } else { Grade::Failed };
    check(format!("{path} has mode {:04o}{more}", first.mode))
        .but(grade, format!("Close it to others: `chmod go-rwx {path}`; run the doctor again for the next."))
}

/// How the private servers are, if there is something to tell.
fn servers(data_dir: &DataDir) -> Vec<Check> {
    let expected = "serves, and was not restarted";
    let servers = match data_dir.servers() {
        Ok(servers) => servers,
        Err(error) => {
            return vec![
                Check::ok("private servers", error.to_string(), expected).but(Grade::Failed, UNREADABLE),
            ];
        }
    };
    let told = servers.iter().filter_map(|(name, state)| Some((name, state, state.line(name)?)));
    let checks = told.map(|(name, state, line)| {
        let check = Check::ok(format!("private {name}"), line, expected);
        match (&state.fault, &state.store_set_aside) {
            (Some(_), _) => check.but(
                Grade::Failed,
                format!("`despatch up` tries again by itself. Make room if the disk is full, and look at {}.", log(data_dir, name)),
            ),
            (None, Some(_)) => check.but(
                Grade::Warning,
                "The workers fill the store again from their journals. Check the disk; delete what is kept when nobody needs it.",
            ),
            (None, None) => check.but(
                Grade::Warning,
                format!("It serves again, and no order is lost. See why it failed: {}.", log(data_dir, name)),
            ),
        }
    });
    checks.collect()
}

/// The log of a server; that of its previous run is beside it.
fn log(data_dir: &DataDir, server: &str) -> String {
    let dir = if server == "PostgreSQL" { "postgres" } else { "nats" };
    data_dir.path().join(dir).join("server.log").display().to_string()
}
