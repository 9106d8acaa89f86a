//! The real binary, on pipes and on a terminal.

use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::pty::Terminal;

/// The binary with these arguments, in a directory in which nothing runs, deaf to the configuration of the person who runs
/// the tests.
pub(crate) struct Despatch {
    command: Command,
    _dir: TempDir,
}

/// How a command ended on a terminal, and what was seen there.
pub(crate) struct Seen {
    pub(crate) code: Option<i32>,
    /// With `␛` in the place of each escape character.
    pub(crate) text: String,
}

impl Despatch {
    pub(crate) fn new(arguments: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_despatch"));
        for (name, _) in std::env::vars_os() {
            let name_bytes = name.as_encoded_bytes();
            if name_bytes.starts_with(b"DESPATCH_") || name_bytes.starts_with(b"CLICOLOR") {
                command.env_remove(name);
            }
        }
        for name in ["NO_COLOR", "RUST_LOG", "USER", "COLUMNS", "CI"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color").current_dir(dir.path()).args(arguments.split_whitespace());
        Despatch { command, _dir: dir }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Runs it with standard output and error on pipes.
    pub(crate) fn piped(mut self) -> Output {
        self.command.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs it with what it is given for standard output.
    pub(crate) fn ended(mut self) -> Output {
        let child = self.command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs it on a terminal of 80 columns.
    pub(crate) fn on_terminal(mut self) -> Seen {
        let terminal = Terminal::new();
        let mut child = terminal.spawn(&mut self.command);
        // The command holds the terminal's other side too.
        drop(self.command);
        let text = terminal.read_to_end().replace('\u{1b}', "␛");
        Seen { code: child.wait().unwrap().code(), text }
    }
}

/// A text without blanks at the ends of its lines, of which nobody sees a difference.
pub(crate) fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
