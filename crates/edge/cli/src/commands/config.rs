//! `despatch config`: the annotated defaults, the values that apply, and what is wrong with them.

use std::path::Path;
use std::process::ExitCode;

use despatch_runtime::Worker;
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::config::{Config, ConfigError, Problem, defaults, effective, fill_in_placeholders};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Prints the annotated file, or every key and its default as JSON.
pub(crate) fn print_defaults(registry: &Registry, as_json: bool) -> Result {
    let file = defaults(&registry.sections());
    if !as_json {
        return print(&file);
    }
    let table: toml::Table = file.parse()?;
    print(&format!("{:#}\n", serde_json::to_value(table)?))
}

/// Prints the values that apply.
pub(crate) fn show_effective(config: &Config) -> Result {
    print(&effective(config))
}

/// Prints everything that is wrong with a configuration; fails when something is.
pub(crate) fn check(registry: &Registry, file: Option<&Path>, args: &CheckArgs) -> Result<ExitCode> {
    let file = args.file.as_deref().or(file);
    let loaded = registry.examined(file)?;
    let (config, mut problems) = (loaded.config, loaded.problems);
    let names = registry.names();
    let mut chosen = Vec::new();
    for name in &args.workers {
        chosen.extend(registry.named(Some(name))?);
    }
    problems.extend(registry.policy_problems(&config, &known(registry, &config)));
    problems.extend(config.check_identity().err().map(|error| error.problems).unwrap_or_default());
    // Every problem of a value that is set was found before, so the rest are empty values.
    let unset = |names: &[&str]| {
        let servers = config.check_servers().err().map(|error| error.problems).unwrap_or_default();
        let needed = servers.into_iter().chain(registry.problems(&config, names));
        needed.filter(|needed| !problems.iter().any(|problem| problem.key == needed.key)).collect::<Vec<_>>()
    };
    let needed = unset(if chosen.is_empty() { &names } else { &chosen });
    if !chosen.is_empty() {
        problems.extend(needed.iter().cloned());
    }
    let failed = !problems.is_empty();
    if args.json {
        let list = |problems: &[Problem]| -> Value { problems.iter().map(Problem::as_json).collect() };
        let missing = if chosen.is_empty() { list(&needed) } else { json!([]) };
        let checked = json!({
            "file": config.origins.file, "problems": list(&problems), "unset": missing,
        });
        print(&format!("{checked:#}\n"))?;
    } else if failed {
        let error = ConfigError { file: config.origins.file, problems };
        print(&format!("{error}\n"))?;
    } else {
        let subject = config.origins.file.as_deref().unwrap_or("the configuration").to_owned();
        print(&format!("{subject}, no problems\n"))?;
        if chosen.is_empty() && !needed.is_empty() {
            let error = ConfigError { file: None, problems: needed };
            let lines = error.to_string();
            let lines = lines.split_once('\n').map_or("", |(_, lines)| lines);
            print(&format!("\n`despatch up` fills in what is not set; `despatch run` needs it:\n{lines}\n"))?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every worker, whatever the configuration says.
fn known(registry: &Registry, config: &Config) -> Vec<Worker> {
    let mut sound = config.clone();
    sound.runtime.policies.clear();
    fill_in_placeholders(&mut sound);
    // A worker that cannot be built has been complained of.
    let names = registry.names().into_iter();
    names.filter_map(|name| registry.workers(&sound, &[name]).ok()).flatten().collect()
}
