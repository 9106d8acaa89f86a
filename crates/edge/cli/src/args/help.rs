//! The command line as it is shown: groups, examples, and nothing wider than a terminal.

use clap::Command;
use clap::builder::PossibleValuesParser;

use super::{examples, groups};
use crate::version;

/// The narrowest terminal that is reckoned with.
const WIDTH: usize = 80;

/// How commands end, for the help of the program itself.
const EXIT_STATUS: &str = "\
Exit status:
  0    Done; a dry run as well
  1    It failed, or found something wrong (doctor, probe, demo, import,
       stock, items)
  2    The command line is wrong
  130  Ended at once by a second Ctrl-C

Results are on standard output, logs and errors on standard error. Colours and
progress are for terminals only; NO_COLOR or --color=never removes the colours.
`despatch help COMMAND` has examples.";

/// The program's command line as it is shown, with the names of these workers.
pub(super) fn command_line(root: Command, workers: &[&'static str]) -> Command {
    let root = root.version(version::short()).long_version(version::long());
    let root = dressed(root, "", workers).after_long_help(EXIT_STATUS);
    let template = groups::template(&root);
    root.help_template(template)
}

/// A command with what all have in common. `path` is its name and those above it, without the program's.
fn dressed(command: Command, path: &str, workers: &[&'static str]) -> Command {
    let workers_argument = |arg: clap::Arg| match arg.get_id().as_str() {
        "worker" | "workers" => arg.value_parser(PossibleValuesParser::new(workers.iter().copied())),
        _ => arg,
    };
    let mut command = command.max_term_width(WIDTH).mut_args(workers_argument);
    if !path.is_empty() {
        command = command.disable_help_subcommand(true);
    }
    if let Some(examples) = examples::of(path) {
        command = command.after_long_help(examples);
    }
    let name = format!("despatch {path}");
    let usage = command.clone().bin_name(name.trim_end()).render_usage().to_string();
    if let Some(usage) = wrapped(usage.trim_start_matches("Usage: ")) {
        command = command.override_usage(usage);
    }
    command.mut_subcommands(|inner| {
        let path = format!("{path} {}", inner.get_name());
        dressed(inner, path.trim_start(), workers)
    })
}

/// A usage that is wider than a terminal on several lines.
fn wrapped(usage: &str) -> Option<String> {
    const INDENT: usize = "Usage: ".len();
    /// Room for the value of an option that ends a line.
    const VALUE: usize = " <VALUE-NAME>".len();
    if usage.len() + INDENT <= WIDTH {
        return None;
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in usage.split(' ') {
        // An option's value stays beside it.
        let value =
            word.starts_with('<') && line.rsplit(' ').next().is_some_and(|last| last.starts_with("--"));
        if !value && INDENT + line.len() + 1 + word.len() + VALUE > WIDTH {
            lines.push(std::mem::replace(&mut line, "  ".to_owned()));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    Some(lines.join(&format!("\n{:INDENT$}", "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_usage_is_wrapped_between_its_arguments() {
        assert_eq!(wrapped("despatch up [OPTIONS]"), None);
        let usage = "despatch exceptions cancel-order [OPTIONS] --by <WHO> --reason <REASON> --timeout <SECONDS> <CASE>";
        let usage = wrapped(usage).unwrap();
        assert!(usage.lines().all(|line| line.len() <= WIDTH), "{usage}");
        assert_eq!(usage.split_whitespace().count(), 11, "{usage}");
    }
}
