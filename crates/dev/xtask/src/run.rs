//! Runs other programs and shows their command lines.

use std::process::Command;

use crate::error::{TaskError, program};

/// Prints the command, runs it and returns whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool, TaskError> {
    println!("$ {}", spelled(command));
    let status = command.status().map_err(program(&command.get_program().to_string_lossy()))?;
    Ok(status.success())
}

/// Prints the command, runs it and returns its standard output; nothing if it failed.
pub(crate) fn output(command: &mut Command) -> Result<Option<Vec<u8>>, TaskError> {
    println!("$ {}", spelled(command));
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(program(&command.get_program().to_string_lossy()))?;
    Ok(output.status.success().then_some(output.stdout))
}

fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
