//! The directory of a run, and the run's end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use despatch_scenario::Discrepancy;

use crate::result::Result;

/// The run's directory.
pub(crate) struct Dir {
    pub(crate) path: PathBuf,
}

impl Dir {
    /// Creates the directory, a temporary one if none is named.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) => {
                std::fs::create_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
                std::path::absolute(path)?
            }
            None => tempfile::Builder::new().prefix("despatch-chaos-").tempdir()?.keep(),
        };
        Ok(Dir { path })
    }

    /// Prints what a run found. Removes the directory if nothing is wrong, unless it must be kept.
    pub(crate) fn finish(self, violations: &[Discrepancy], keep: bool) -> Result<ExitCode> {
        if violations.is_empty() {
            println!("Nothing was lost and nothing happened twice.");
            if !keep {
                std::fs::remove_dir_all(&self.path)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        println!("{} VIOLATIONS", violations.len());
        for violation in violations {
            println!("  {violation}");
        }
        println!("the data is kept in {}", self.path.display());
        Ok(ExitCode::FAILURE)
    }
}
