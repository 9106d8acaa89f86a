//! The README's commands, as a new user runs them.

use std::process::Command;

use crate::error::TaskError;
use crate::run::succeeds;
use crate::scratch::Scratch;
use crate::{metadata, sources};

const HEADING: &str = "## Try it";

/// Clones the committed state into a temporary directory and runs the commands there in order.
pub(crate) fn run(_: &[String]) -> Result<bool, TaskError> {
    let root = metadata::workspace()?.root;
    let readme = sources::read(&root, "README.md")?;
    let commands = commands(&readme, HEADING).ok_or_else(|| TaskError::NoCommands(HEADING.to_owned()))?;
    let scratch = Scratch::create("readme")?;
    let clone = scratch.path.join("despatch");
    if !succeeds(Command::new("git").args(["clone", "--quiet"]).arg(&root).arg(&clone))? {
        return Ok(false);
    }
    for command in commands {
        // The outer cargo must not tell the inner one where to build.
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(&clone).env_remove("CARGO_TARGET_DIR").env_remove("CARGO");
        if !succeeds(&mut shell)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the lines of the first code block under a heading, without their comments.
fn commands<'a>(page: &'a str, heading: &str) -> Option<Vec<&'a str>> {
    let mut lines = page.lines().skip_while(|line| *line != heading).skip(1);
    lines.find(|line| line.starts_with("```"))?;
    let block = lines.take_while(|line| !line.starts_with("```"));
    let commands: Vec<&str> =
        block.map(|line| line.split(" # ").next().unwrap_or(line).trim().trim_start_matches("$ ")).collect();
    (!commands.is_empty()).then_some(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_of_the_block_under_the_heading() {
        let page = "# x\n```\nno\n```\n## Two\ntext\n```console\n$ cargo a -- b    # c\ncargo d\n```\n```\nno\n```\n";
        assert_eq!(commands(page, "## Two").unwrap(), ["cargo a -- b", "cargo d"]);
        assert_eq!(commands(page, "## Three"), None);
    }

    #[test]
    fn the_readme_has_two() {
        let root = metadata::workspace().unwrap().root;
        let readme = sources::read(&root, "README.md").unwrap();
        assert_eq!(commands(&readme, HEADING).unwrap().len(), 2);
    }
}
