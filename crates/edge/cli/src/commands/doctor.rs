//! `despatch doctor`: looks everything over, leaves nothing changed, and says what to do.

mod report;

use std::path::Path;
use std::process::ExitCode;

use despatch_runtime::Worker;
use despatch_runtime::doctor::{Check, Grade, examine};

use crate::args::DoctorArgs;
use crate::config::{Config, Key, fill_in_placeholders, not_in_force};
use crate::local::{DataDir, Owner};
use crate::output::{next_command, print};
use crate::registry::Registry;
use crate::result::Result;

use report::{as_lines, as_object};

/// The group of what is not about servers or workers.
const HERE: &str = "configuration";

/// How much room the private servers should have, and how much they must.
const ROOM: (u64, u64) = (2_000_000_000, 250_000_000);

/// Examines the deployment; fails when something has. `asked` is the configuration of this command, `config` the one of the
/// deployment that is examined.
pub(crate) async fn run(
    registry: &Registry,
    asked: &Config,
    mut config: Config,
    data_dir: &DataDir,
    args: &DoctorArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let mut names = Vec::new();
    for name in &args.workers {
        names.extend(registry.named(Some(name))?);
    }
    if names.is_empty() {
        names = registry.names();
    }
    let nowhere = config.nats_url.is_empty() || config.database_url.is_empty();
    if nowhere {
        // Nothing runs yet, and `up` will fill in what is missing.
        fill_in_placeholders(&mut config);
    }
    let (mut workers, mut checks) = workers(registry, &config, &names);
    // The stand-ins of the providers end with their `up` or `demo`.
    let ended = config.is_running_here() && data_dir.owner()? == Owner::Nobody;
    if nowhere || ended {
        workers = workers.into_iter().map(Worker::without_providers).collect();
    }
    if config.is_running_here() && !ended {
        checks.extend(in_force(asked, &config));
    }
    if data_dir.path().exists() && (nowhere || config.is_running_here()) {
        checks.push(room(data_dir.path()));
    }
    if !nowhere && !config.has_only_stand_ins() {
        checks.extend(config.identity_problems().into_iter().map(|(key, problem)| {
            let advice =
                "Set it to the shop's own: customers would see the demo's. `despatch run` refuses to start.";
            Check::ok(format!("identity {key}"), problem, "the shop's own").but(Grade::Warning, advice)
        }));
    }
    let mut checks: Vec<Check> = checks.into_iter().map(|check| check.of(HERE)).collect();
    let mut examined = examine(&config.settings(), &workers).await;
    if config.is_running_here() {
        say_that_nothing_runs(&mut examined, data_dir.path());
    }
    checks.extend(examined);
    let worst = checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Ok);
    print(&if args.json { as_object(&checks) } else { as_lines(&checks, quiet)? })?;
    Ok(if worst == Grade::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The workers as configured, and what is wrong with the configuration of the others.
fn workers(registry: &Registry, config: &Config, names: &[&'static str]) -> (Vec<Worker>, Vec<Check>) {
    let expected = "every worker's settings";
    let mut workers = Vec::new();
    let mut checks: Vec<Check> = Vec::new();
    for name in names {
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
        let count =
            if workers.len() == 1 { "1 worker".to_owned() } else { format!("{} workers", workers.len()) };
        checks.push(Check::ok("settings", count, expected));
    }
    (workers, checks)
}

/// Whether the deployment that runs here has the settings of this command.
fn in_force(asked: &Config, running: &Config) -> Option<Check> {
    let keys: Vec<String> = not_in_force(asked, running).iter().map(Key::to_string).collect();
    if keys.is_empty() {
        return None;
    }
    let found = format!("other values run here of {}", keys.join(", "));
    let check = Check::ok("settings in force", found, "the deployment runs with the settings that you name");
    let (stop, start) = (next_command("stop"), next_command("up"));
    Some(check.but(
        Grade::Warning,
        format!("Start it again: `{stop}`, then `{start}`. Until then the settings that run are examined."),
    ))
}

/// Private servers that are not reachable have ended with their `up` or `demo`; no URL is wrong.
fn say_that_nothing_runs(checks: &mut [Check], dir: &Path) {
    for check in checks.iter_mut().filter(|check| check.found.starts_with("it is not reachable")) {
        let advice = format!(
            "Nothing runs in {}: start it with `{}`, or name another --data-dir.",
            dir.display(),
            next_command("up")
        );
        check.advice = Some(advice);
    }
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
