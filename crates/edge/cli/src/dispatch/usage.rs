//! The output of clap: help and versions are results, a wrong command line is an error with a hint.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::instead;
use crate::output::{print, print_error};
use crate::result::hinted;

/// The exit status of a command line that is wrong.
const WRONG: u8 = 2;

/// Ends the program as clap asks for. `commands` read the arguments.
pub(super) fn end(error: &clap::Error, commands: Command, args: &[OsString]) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            match print(&error.render().ansi().to_string()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        _ => {
            let (what, hint) = parts(error, &called(commands, args));
            print_error(&*hinted(what, hint));
            ExitCode::from(WRONG)
        }
    }
}

/// Whether colours are wanted, from a command line that may be wrong.
pub(super) fn colours(args: &[OsString]) -> anstream::ColorChoice {
    let words: Vec<&str> =
        args.iter().filter_map(|arg| arg.to_str()).take_while(|arg| *arg != "--").collect();
    let after = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    match after.or_else(|| words.iter().find_map(|word| word.strip_prefix("--color="))) {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => anstream::ColorChoice::Auto,
    }
}

/// The command that the arguments call, with its parents: the longest that is right.
fn called(mut commands: Command, args: &[OsString]) -> String {
    // So that every command knows the options that all have.
    commands.build();
    let mut here = &commands;
    let mut path = vec!["despatch"];
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str()).take_while(|arg| *arg != "--");
    while let Some(word) = words.next() {
        let option = here.get_opts().find(|option| {
            let long = option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
            let short =
                option.get_short().is_some_and(|short| word.strip_prefix('-') == Some(&short.to_string()));
            long || short
        });
        if option.is_some() {
            // Its value is no command, whatever it says.
            words.next();
        } else if let Some(command) = here.find_subcommand(word) {
            path.push(command.get_name());
            here = command;
        }
    }
    path.join(" ")
}

/// The failure, and what to do about it. `called` is the command that was called.
fn parts(error: &clap::Error, called: &str) -> (String, String) {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let what = paragraphs.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let mut hints = Vec::new();
    for paragraph in paragraphs {
        if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            hints.push(format!("usage: {}", usage.trim_end()));
        }
        hints.extend(
            paragraph.lines().filter_map(|line| line.trim().strip_prefix("tip: ").map(str::to_owned)),
        );
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        // The usage says nothing here that the list of commands does not say better.
        hints.retain(|hint| !hint.starts_with("usage: "));
        if let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
            && called == "despatch"
            && let Some(instead) = instead(typed)
        {
            hints = vec![instead.to_owned()];
        }
        hints.push(format!("`{called} -h` lists the commands"));
    } else {
        hints.push(format!("`{called} --help` has examples"));
    }
    (what, hints.join("\n"))
}

#[cfg(test)]
mod tests {
    use crate::args::command_line;

    use super::*;

    fn of(line: &str) -> (String, String) {
        let commands = command_line(&["orders", "payments"]);
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = commands.clone().try_get_matches_from(&args).unwrap_err();
        parts(&error, &called(commands, &args))
    }

    #[test]
    fn a_command_that_other_programs_have_is_named_by_ours() {
        let (what, hint) = of("despatch ps");
        assert_eq!(what, "unrecognized subcommand 'ps'");
        assert!(
            hint.contains("`despatch doctor`") && hint.ends_with("\n`despatch -h` lists the commands"),
            "{hint}"
        );
        let (_, hint) = of("despatch provison");
        assert!(hint.contains("'provision'"), "{hint}");
    }

    #[test]
    fn a_wrong_argument_is_told_with_the_usage() {
        let (what, hint) = of("despatch run paymnts");
        assert!(what.starts_with("invalid value 'paymnts'") && what.contains("orders, payments"), "{what}");
        assert!(hint.contains("'payments'"), "{hint}");
        let (what, hint) = of("despatch recover");
        assert!(what.contains("--since <TIME>"), "{what}");
        assert!(hint.contains("usage: despatch recover"), "{hint}");
        assert!(hint.ends_with("`despatch recover --help` has examples"), "{hint}");
    }

    #[test]
    fn a_hint_names_the_command_that_was_called() {
        for (line, command) in [
            ("despatch run paymnts", "despatch run"),
            ("despatch import --orders many FILE", "despatch import"),
            ("despatch orders list --older-than soon", "despatch orders list"),
            ("despatch --color sometimes exceptions list", "despatch exceptions list"),
            // The value of an option is no command.
            ("despatch --data-dir run exceptions list --older-than soon", "despatch exceptions list"),
            ("despatch exceptions list --queue=nowhere", "despatch exceptions list"),
        ] {
            let (_, hint) = of(line);
            assert!(hint.ends_with(&format!("`{command} --help` has examples")), "{line}: {hint}");
        }
    }

    #[test]
    fn colours_are_as_asked_for() {
        let of = |line: &str| colours(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("despatch --color never up"), anstream::ColorChoice::Never);
        assert_eq!(of("despatch up --color=always"), anstream::ColorChoice::Always);
        assert_eq!(of("despatch up -- --color=always"), anstream::ColorChoice::Auto);
    }
}
