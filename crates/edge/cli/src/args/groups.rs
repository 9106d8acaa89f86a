//! The commands in groups, those of every day first: for the help and the guide.

use std::fmt::Write as _;

use clap::Command;

/// Each group's heading and commands. A build may lack some of them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["up", "demo", "stop", "logs", "key"]),
    ("Look", &["status", "events", "doctor"]),
    ("Orders", &["import", "orders"]),
    ("Stock", &["stock", "items", "locations"]),
    ("Cases", &["exceptions", "replays", "retries"]),
    ("Servers", &["run", "provision", "migrate", "permissions", "recover", "probe", "sandbox"]),
    ("More", &["config", "completions", "man"]),
];

/// The groups with the commands that this build has. Commands of no group are in the last one.
pub(crate) fn groups(root: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let others = root.get_subcommands().filter(|it| !grouped(it.get_name()) && it.get_name() != "help");
    let mut others: Vec<&Command> = others.collect();
    let mut groups = Vec::new();
    for (heading, names) in GROUPS {
        let mut commands: Vec<&Command> = names
            .iter()
            .filter_map(|name| root.get_subcommands().find(|it| it.get_name() == *name))
            .collect();
        if *heading == "More" {
            commands.append(&mut others);
        }
        if !commands.is_empty() {
            groups.push((*heading, commands));
        }
    }
    groups
}

/// The root's help: the groups in the place of clap's one list.
pub(super) fn template(root: &Command) -> String {
    let header = root.get_styles().get_header();
    let literal = root.get_styles().get_literal();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (heading, commands) in groups(root) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{header}{heading}:{header:#}\n");
        for command in commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{:<12}{literal:#}  {about}", command.get_name());
        }
    }
    let _ = write!(text, "\n{header}Global options:{header:#}\n{{options}}{{after-help}}");
    text
}
