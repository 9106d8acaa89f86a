//! Provides the programs with which the label tests read labels back: `zbarimg` for the barcode, `pdftotext` for the PDF.

use std::process::{Command, Stdio};

use crate::error::TaskError;

/// A program, and the option with which it only prints its version.
const READERS: [(&str, &str); 2] = [("zbarimg", "--version"), ("pdftotext", "-v")];

const HOMEBREW: [&[&str]; 1] = [&["brew", "install", "zbar", "poppler"]];
const DEBIAN: [&[&str]; 2] = [
    &["apt-get", "update", "--quiet=2"],
    &["apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", "zbar-tools", "poppler-utils"],
];
/// Without a terminal at which to ask for a password.
const AS_ROOT: [&str; 2] = ["sudo", "-n"];

/// Installs what is missing with the system's package manager.
pub(crate) fn provide() -> Result<(), TaskError> {
    let Some(first) = missing() else { return Ok(()) };
    println!("installing {first}, with which the label tests read labels");
    let steps: Vec<Vec<&str>> = if cfg!(target_os = "macos") {
        HOMEBREW.map(<[_]>::to_vec).to_vec()
    } else if is_root() {
        DEBIAN.map(<[_]>::to_vec).to_vec()
    } else {
        DEBIAN.map(|step| [&AS_ROOT, step].concat()).to_vec()
    };
    for step in steps {
        if !succeeds(&step) {
            return Err(TaskError::NoReader { name: first, tried: format!("{} failed", step.join(" ")) });
        }
    }
    match missing() {
        None => Ok(()),
        Some(name) => {
            Err(TaskError::NoReader { name, tried: "it was installed and still does not run".to_owned() })
        }
    }
}

/// Returns the first program that does not run.
fn missing() -> Option<&'static str> {
    READERS.into_iter().find(|(name, version)| !runs(name, version)).map(|(name, _)| name)
}

fn runs(name: &str, version: &str) -> bool {
    let mut command = Command::new(name);
    command.arg(version).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn succeeds(command: &[&str]) -> bool {
    let [program, args @ ..] = command else { return false };
    let mut command = Command::new(program);
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
