//! `despatch exceptions`: what people do with cases, from a terminal.

mod decide;
mod edit;
mod find;
mod list;
mod outcome;
mod reasons;
mod show;

use std::process::ExitCode;

use despatch_exceptions::CaseQueries;
use despatch_runtime::Database;

use crate::args::ExceptionsCommand;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::registry::Registry;
use crate::result::Result;

/// Runs the subcommand. Lists and cases are read from the database; decisions are asked of the exceptions worker.
pub(crate) async fn run(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    command: ExceptionsCommand,
) -> Result<ExitCode> {
    if let ExceptionsCommand::Reasons { json } = command {
        reasons::list(json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = attach(config, data_dir)?;
    let cases = CaseQueries::new(Database::new(config.database_of(despatch_exceptions::NAME), 1)?);
    match command {
        ExceptionsCommand::List(args) => list::list(registry, &config, &cases, &args).await?,
        ExceptionsCommand::Show { case, json, contents } => {
            let case = find::case(&cases, case.reference()?).await?;
            if contents {
                edit::contents(&cases, &case.id).await?;
            } else {
                show::show(&config, &cases, &case.id, json).await?;
            }
        }
        decision => return decide::decide(&config, data_dir, &cases, decision).await,
    }
    Ok(ExitCode::SUCCESS)
}
