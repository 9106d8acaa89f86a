//! `despatch man` and `despatch completions`: the manual, and what shells know of the command line.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command};
use clap_complete::Shell;

use crate::args::command_line;
use crate::output::{print, print_bytes};
use crate::registry::Registry;
use crate::result::{Result, hinted};

/// Prints the page of the program, or writes a page for each command into a directory.
pub(crate) fn man(command_line: &Command, dir: Option<&Path>) -> Result {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command_line.clone()).render(&mut page)?;
        return print_bytes(&page);
    };
    let written =
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command_line.clone(), dir));
    written.map_err(|error| {
        hinted(format!("{}: {error}", dir.display()), "name a directory that you may write to")
    })?;
    print(&format!("a page for each command is in {}\n", dir.display()))
}

/// Prints a shell's completions, with the names of workers, handlers, queues and so on as values.
pub(crate) fn completions(registry: &Registry, shell: Shell) -> Result {
    // The defaults know every handler; what a deployment configures does not matter here.
    let workers = registry.known(&registry.load(None)?)?;
    let handlers: Vec<&'static str> =
        workers.iter().flat_map(despatch_runtime::Worker::specs).map(|spec| spec.name).collect();
    let mut command_line = with_handlers(command_line(&registry.names()), &handlers);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command_line, "despatch", &mut script);
    print_bytes(&script)
}

fn with_handlers(command: Command, handlers: &[&'static str]) -> Command {
    let argument = |arg: Arg| match arg.get_id().as_str() {
        "handler" => arg.value_parser(PossibleValuesParser::new(handlers.iter().copied())),
        _ => arg,
    };
    command.mut_args(argument).mut_subcommands(|inner| with_handlers(inner, handlers))
}
