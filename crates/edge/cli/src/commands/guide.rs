//! `despatch` without a command: what there is to do, and what runs here.

use std::fmt::Write as _;

use clap::Command;

use crate::args::groups;
use crate::config::{Config, ConfigError};
use crate::local::{DataDir, Owner};
use crate::output::print;
use crate::result::Result;
use crate::version;

/// Prints the commands in groups and the state of the data directory.
pub(crate) fn guide(
    command_line: &Command,
    config: Result<Config, ConfigError>,
    data_dir: &DataDir,
) -> Result {
    let mut text = format!("despatch {}  orders from checkout to delivery\n\n", version::brief());
    for (heading, commands) in groups(command_line) {
        let names: Vec<&str> = commands.iter().map(|command| command.get_name()).collect();
        writeln!(text, "{heading:<10}{}", names.join("  "))?;
    }
    writeln!(
        text,
        "\n{}\n`despatch help COMMAND` explains a command, with examples.",
        state(config, data_dir)?
    )?;
    print(&text)
}

/// The line that says whether a deployment runs here.
fn state(config: Result<Config, ConfigError>, data_dir: &DataDir) -> Result<String> {
    let dir = data_dir.path().display();
    Ok(match (config, data_dir.owner()?) {
        (Err(_), _) => "The configuration cannot be used; `despatch doctor` says why.".to_owned(),
        (Ok(config), Owner::Nobody) if !config.nats_url.is_empty() && !config.database_url.is_empty() => {
            "Servers are configured; `despatch doctor` looks them over.".to_owned()
        }
        (_, Owner::Nobody) => {
            format!("{dir}: nothing runs here; begin with `despatch up{}`", data_dir.option())
        }
        (_, Owner::Process(pid)) => format!("{dir}: running (process {pid})"),
        (_, Owner::Unknown) => format!("{dir}: running, in another container or as another user"),
    })
}
