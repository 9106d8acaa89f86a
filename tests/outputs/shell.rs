//! The contract with scripts: exit statuses, streams, completions, and readers that go away.

use std::process::Stdio;

use crate::binary::Despatch;

#[test]
fn the_exit_status_says_how_it_ended() {
    for (arguments, code) in [
        ("", 0),
        ("--version", 0),
        ("config", 0),
        ("stop", 0),
        ("orders show north/1001", 1),
        ("logs", 1),
        ("key", 1),
        ("ps", 2),
        ("up --listen here", 2),
        ("recover", 2),
    ] {
        let output = Despatch::new(arguments).piped();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {output:?}");
        // Results on standard output, errors on standard error.
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            error.starts_with("error: ") && error.contains("\n\nhint: "),
            code != 0,
            "{arguments}: {error}"
        );
    }
}

#[test]
fn the_version_is_short_and_long() {
    let of = |option: &str| String::from_utf8(Despatch::new(option).piped().stdout).unwrap();
    let version = format!("despatch {}", env!("CARGO_PKG_VERSION"));
    let (short, long) = (of("-V"), of("--version"));
    assert!(short.starts_with(&version) && short.lines().count() == 1, "{short}");
    assert!(long.starts_with(short.trim_end()) && long.contains(" build for "), "{long}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in ["", "-h", "config", "completions bash", "man"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Despatch::new(arguments).stdout(writer).ended();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments}: {output:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure_and_no_panic() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Despatch::new("config").stdout(Stdio::from(full)).ended();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.starts_with(b"error: "), "{output:?}");
}

#[test]
fn completions_know_names_and_not_only_options() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Despatch::new(&format!("completions {shell}")).piped();
        assert!(output.status.success(), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for name in ["payments", "payments.capture", "carrier-desk", "card-declined", "claimed"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn the_defaults_are_there_for_programs_too() {
    let output = Despatch::new("config --json").piped();
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(config["runtime"]["ack_wait_seconds"], 30, "{config:#}");
}
