//! The help of every command, and the manual.

use clap::Command;

use crate::binary::{Despatch, trimmed};

/// Every command's path, that of the program itself empty.
fn paths() -> Vec<String> {
    fn collect(command: &Command, path: &str, paths: &mut Vec<String>) {
        paths.push(path.to_owned());
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            collect(inner, format!("{path} {}", inner.get_name()).trim_start(), paths);
        }
    }
    let mut root = despatch::command_line(&despatch::Registry::default());
    root.build();
    let mut paths = Vec::new();
    collect(&root, "", &mut paths);
    paths
}

/// The output of a command on a pipe, where it has to succeed.
fn printed(arguments: &str) -> String {
    let output = Despatch::new(arguments).piped();
    assert!(output.status.success(), "{arguments}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_has_a_help_that_fits_a_terminal() {
    let paths = paths();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let (short, long) = (printed(&format!("{path} -h")), printed(&format!("{path} --help")));
        for line in short.lines().chain(long.lines()) {
            assert!(line.chars().count() <= 80, "`despatch {path}`, wider than 80 columns: {line}");
            assert!(!line.contains('\u{1b}'), "`despatch {path}`, colours on a pipe: {line:?}");
        }
        assert!(short.len() <= long.len(), "`despatch {path}`: -h is the short help");
        let name = if path.is_empty() { "despatch".to_owned() } else { path.replace(' ', "_") };
        insta::with_settings!({
            snapshot_path => "snapshots/help",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, trimmed(&long));
        });
    }
}

#[test]
fn a_command_without_its_subcommand_prints_its_help() {
    for path in ["orders", "exceptions", "replays", "retries", "events"] {
        assert_eq!(printed(path), printed(&format!("{path} -h")), "{path}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    printed(&format!("man {}", dir.path().display()));
    for path in paths() {
        let page = dir.path().join(format!("despatch {path}").trim_end().replace(' ', "-") + ".1");
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(".TH ") && text.contains(".SH SYNOPSIS"), "{path}: {text}");
    }
    assert!(printed("man").contains(".TH despatch 1"));
}
