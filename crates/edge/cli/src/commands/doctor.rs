//! `despatch doctor`: looks everything over, changes nothing, and says what to do.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use despatch_runtime::Worker;
use despatch_runtime::doctor::{Check, Grade, examine};
use serde_json::json;

use crate::config::{Config, fill_in_placeholders};
use crate::local::{DataDir, with_local_servers};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// How much room the private servers should have, and how much they must.
const ROOM: (u64, u64) = (2_000_000_000, 250_000_000);

/// Examines the deployment; fails when something has.
pub(crate) async fn run(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    as_json: bool,
) -> Result<ExitCode> {
    let private = config.nats_url.is_empty() || config.database_url.is_empty();
    let mut config = with_local_servers(config, data_dir);
    if private {
        fill_in_placeholders(&mut config);
    }
    let (workers, mut checks) = workers(registry, &config);
    checks.extend(examine(&config.settings(), &workers).await);
    if private && data_dir.path().exists() {
        checks.push(room(data_dir.path()));
    }
    let worst = checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Ok);
    print(&if as_json { as_object(&checks) } else { as_lines(&checks)? })?;
    Ok(if worst == Grade::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The workers as configured, and what is wrong with the configuration of the others.
fn workers(registry: &Registry, config: &Config) -> (Vec<Worker>, Vec<Check>) {
    let expected = "every worker's settings";
    let mut workers = Vec::new();
    let mut checks: Vec<Check> = Vec::new();
    for name in registry.names() {
        match registry.workers(config, &[name]) {
            Ok(worker) => workers.extend(worker),
            Err(unusable) => {
                let advice = format!(
                    "Set it if {name} is to run, in the file or the environment; `despatch config` prints every key. \
                     Until then {name} is not examined."
                );
                let check = Check::ok(format!("configuration {name}"), unusable.texts().join("; "), expected);
                checks.push(check.but(Grade::Failed, advice));
            }
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok("configuration", format!("{} workers", workers.len()), expected));
    }
    (workers, checks)
}

/// The free room on the private servers' disk.
fn room(path: &Path) -> Check {
    let subject = format!("disk {}", path.display());
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let expected = format!("more than {} free", megabytes(ROOM.0));
    let free = match rustix::fs::statvfs(path) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let check = Check::ok(subject, error.to_string(), expected);
            return check.but(Grade::Failed, "See to it that the data directory can be read.");
        }
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

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok",
        Grade::Warning => "warning",
        Grade::Failed => "failed",
    }
}

fn as_lines(checks: &[Check]) -> Result<String, std::fmt::Error> {
    let width = checks.iter().map(|check| check.subject.chars().count()).max().unwrap_or_default();
    let mut lines = String::new();
    for Check { subject, grade, found, expected, advice } in checks {
        writeln!(lines, "{:<7}  {subject:<width$}  {found}", word(*grade))?;
        if let Some(advice) = advice {
            writeln!(lines, "         expected  {expected}")?;
            writeln!(lines, "         do        {advice}")?;
        }
    }
    let count = |grade| checks.iter().filter(|check| check.grade == grade).count();
    let [ok, warnings, failed] = [Grade::Ok, Grade::Warning, Grade::Failed].map(count);
    writeln!(lines, "\n{ok} ok, {warnings} to look at, {failed} failed")?;
    Ok(lines)
}

fn as_object(checks: &[Check]) -> String {
    let objects: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "subject": check.subject, "grade": word(check.grade), "found": check.found,
                "expected": check.expected, "advice": check.advice,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "checks": objects }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_under_what_it_is_about() {
        let checks = [
            Check::ok("nats version", "2.12.1", "2.10 or newer"),
            Check::ok("schema orders", "lacks 0002_lots", "all 3 migrations applied")
                .but(Grade::Failed, "Run `despatch migrate`."),
        ];
        let expected = "\
ok       nats version   2.12.1
failed   schema orders  lacks 0002_lots
         expected  all 3 migrations applied
         do        Run `despatch migrate`.

1 ok, 0 to look at, 1 failed
";
        assert_eq!(as_lines(&checks).unwrap(), expected);
    }
}
