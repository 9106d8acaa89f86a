//! Colours are for terminals, and only where they are wanted.

use crate::binary::{Despatch, trimmed};

macro_rules! assert_seen {
    ($name:literal, $text:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, trimmed($text));
        });
    };
}

#[test]
fn the_guide_says_what_there_is_and_that_nothing_runs() {
    let seen = Despatch::new("").on_terminal();
    assert_eq!(seen.code, Some(0));
    assert_seen!("guide", &without_version(&seen.text));
    let piped = Despatch::new("").piped();
    assert!(piped.status.success() && piped.stderr.is_empty(), "{piped:?}");
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), seen.text, "it is the same on a pipe");
}

#[test]
fn help_and_errors_are_coloured_on_a_terminal() {
    let help = Despatch::new("-h").on_terminal();
    assert_eq!(help.code, Some(0));
    assert_seen!("help_on_a_terminal", &help.text);
    let wrong = Despatch::new("ps").on_terminal();
    assert_eq!(wrong.code, Some(2));
    assert_seen!("unknown_command_on_a_terminal", &wrong.text);
    let away = Despatch::new("orders show north/1001").on_terminal();
    assert_eq!(away.code, Some(1));
    assert_seen!("nothing_runs_on_a_terminal", &away.text);
}

#[test]
fn no_colours_where_they_are_not_wanted() {
    for arguments in ["-h", "up --help", "ps", "orders show north/1001"] {
        let coloured = Despatch::new(arguments).on_terminal();
        assert!(coloured.text.contains('␛'), "{arguments}: {}", coloured.text);
        let plain = Despatch::new(arguments).env("NO_COLOR", "1").on_terminal();
        assert!(!plain.text.contains('␛'), "{arguments}: {}", plain.text);
        let plain = Despatch::new(&format!("{arguments} --color never")).on_terminal();
        assert!(!plain.text.contains('␛'), "{arguments}: {}", plain.text);
        let piped = Despatch::new(arguments).piped();
        assert!(![piped.stdout, piped.stderr].concat().contains(&0x1b), "{arguments}");
        let piped = Despatch::new(&format!("{arguments} --color always")).piped();
        assert!([piped.stdout, piped.stderr].concat().contains(&0x1b), "{arguments}");
    }
}

#[test]
fn the_log_is_coloured_on_a_terminal_only() {
    // Workers that lack everything say so at once; -vv makes them log before.
    let run = || Despatch::new("provision -v").env("DESPATCH_NATS_URL", "nats://127.0.0.1:1");
    let run = || run().env("DESPATCH_DATABASE_URL", "postgres://127.0.0.1:1/shop").env("RUST_LOG", "trace");
    let seen = run().on_terminal();
    assert!(seen.text.contains("␛[2m"), "{}", seen.text);
    let piped = run().piped();
    assert!(!piped.stderr.is_empty() && !piped.stderr.contains(&0x1b), "{piped:?}");
}

/// The version may name a commit.
fn without_version(text: &str) -> String {
    match text.split_once(" (") {
        Some((before, after)) if before.lines().count() == 1 => {
            format!("{before}{}", after.split_once(')').map_or(after, |(_, rest)| rest))
        }
        _ => text.to_owned(),
    }
}
