//! Provides `zbarimg`, with which the label tests read back their barcodes.

use std::process::{Command, Stdio};

use crate::error::TaskError;

const HOMEBREW: [&[&str]; 1] = [&["brew", "install", "zbar"]];
const DEBIAN: [&[&str]; 2] = [
    &["apt-get", "update", "--quiet=2"],
    &["apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", "zbar-tools"],
];
/// Without a terminal at which to ask for a password.
const AS_ROOT: [&str; 2] = ["sudo", "-n"];

/// Installs it with the system's package manager if it is missing.
pub(crate) fn provide() -> Result<(), TaskError> {
    if is_there() {
        return Ok(());
    }
    println!("installing zbarimg, with which the label tests read barcodes");
    let steps: Vec<Vec<&str>> = if cfg!(target_os = "macos") {
        HOMEBREW.map(<[_]>::to_vec).to_vec()
    } else if is_root() {
        DEBIAN.map(<[_]>::to_vec).to_vec()
    } else {
        DEBIAN.map(|step| [&AS_ROOT, step].concat()).to_vec()
    };
    for step in steps {
        if !succeeds(&step) {
            return Err(TaskError::NoBarcodeReader { tried: format!("{} failed", step.join(" ")) });
        }
    }
    if is_there() {
        return Ok(());
    }
    Err(TaskError::NoBarcodeReader { tried: "it was installed and still does not run".to_owned() })
}

fn is_there() -> bool {
    let mut zbarimg = Command::new("zbarimg");
    zbarimg.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    zbarimg.status().is_ok_and(|status| status.success())
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
