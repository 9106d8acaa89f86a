//! `despatch doctor`: looks everything over, leaves nothing changed, and says what to do.

mod data_dir;
mod report;
mod stock;

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
        checks.extend(data_dir::examine(data_dir, !nowhere && !ended));
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
    if ended {
        say_that_nothing_runs(&mut examined, data_dir.path());
    }
    checks.extend(examined);
    if !nowhere && !ended && names.contains(&despatch_inventory::NAME) {
        checks.extend(stock::examine(&config).await);
    }
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
