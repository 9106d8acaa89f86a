//! `cargo xtask new-worker NAME`: writes everything that a worker needs, inside and outside its crate. The result
//! compiles and passes every check; its author then replaces the contents.

use std::process::ExitCode;

use crate::error::TaskError;
use crate::metadata;
use crate::repository::Repository;

pub(crate) mod check;
mod lists;
mod names;
mod page;
mod template;

use names::{Names, USAGE};

/// The default name of the generated worker's event.
const EVENT: &str = "OrderNoted";

/// Writes a worker in place.
pub(crate) fn run(args: &[String]) -> Result<ExitCode, TaskError> {
    let names = parse(args)?;
    let mut repository = Repository::at(metadata::workspace()?.root);
    add(&names, &mut repository)?;
    repository.save()?;
    println!("wrote:");
    repository.changed().for_each(|file| println!("  {file}"));
    println!(
        "\nnow: cargo test -p {}\nthen put your own events, tables and handlers in it: docs/add-a-worker.md",
        names.package()
    );
    Ok(ExitCode::SUCCESS)
}

/// Adds a worker to the repository's files, and to the lists outside its crate.
fn add(names: &Names, repository: &mut Repository) -> Result<(), TaskError> {
    if repository.exists(&names.dir()) {
        return Err(TaskError::Usage(format!("{USAGE}\n\n{} is there already", names.dir())));
    }
    template::write(names, repository)?;
    lists::add(names, repository)
}

fn parse(args: &[String]) -> Result<Names, TaskError> {
    let usage = || TaskError::Usage(USAGE.to_owned());
    let (mut name, mut group, mut event) = (None, None, EVENT);
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--group" => group = Some(args.next().ok_or_else(usage)?),
            "--event" => event = args.next().ok_or_else(usage)?,
            _ if name.is_none() && !arg.starts_with('-') => name = Some(arg),
            _ => return Err(usage()),
        }
    }
    Names::new(name.ok_or_else(usage)?, group.ok_or_else(usage)?, event)
}
