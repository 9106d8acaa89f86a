//! From the command line to the command.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use despatch_telemetry::Format;
#[cfg(feature = "local")]
use despatch_telemetry::Telemetry;

use crate::args::{Cli, Command, EventsCommand, OrdersCommand, PermissionsCommand};
#[cfg(feature = "local")]
use crate::commands::{demo, sandbox, up};
use crate::commands::{
    doctor, events, exceptions, import, migrate, orders, permissions, probe, provision, recover, replays,
    retries, run,
};
use crate::config::{Config, defaults};
use crate::local::DataDir;
use crate::output::{print, print_error};
use crate::registry::Registry;
use crate::result::Result;

/// Runs a command line with the workers of despatch, its program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(&Registry::default(), args)
}

/// Runs a command line with other workers.
pub fn run(registry: &Registry, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::from_arg_matches(&command_line(registry).get_matches_from(args)) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    // Cannot fail: nothing has installed another before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&error);
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command(registry, cli)) {
        Ok(code) => code,
        Err(error) => {
            print_error(&*error);
            ExitCode::FAILURE
        }
    }
}

/// The command line, whose help names the workers.
fn command_line(registry: &Registry) -> clap::Command {
    let workers = registry.names().join(", ");
    Cli::command().mut_subcommand("run", |run| run.mut_arg("workers", |names| names.help(workers)))
}

async fn command(registry: &Registry, cli: Cli) -> Result<ExitCode> {
    let data_dir = DataDir::new(&cli.data_dir);
    let load = || Config::load(cli.config.as_deref(), &registry.sections());
    match cli.command {
        #[cfg(feature = "local")]
        Command::Up(args) => {
            let config = load()?;
            despatch_telemetry::log("info", config.log.format);
            with_telemetry(Box::pin(up::up(registry, config, data_dir, &args))).await?;
        }
        #[cfg(feature = "local")]
        Command::Demo(args) => {
            log("error");
            return with_telemetry(Box::pin(demo::demo(registry, load()?, data_dir, &args))).await;
        }
        #[cfg(feature = "local")]
        Command::Sandbox(args) => {
            log("info");
            sandbox::run(&args).await?;
        }
        Command::Run { workers } => {
            let config = load()?;
            despatch_telemetry::log("info", config.log.format);
            run::run(registry, config, &workers).await?;
        }
        Command::Import(args) => {
            log("warn");
            return import::import(load()?, &data_dir, &args).await;
        }
        Command::Orders(OrdersCommand::Show { id, json }) => {
            log("warn");
            orders::show(registry, load()?, &data_dir, &id, json).await?;
        }
        Command::Exceptions(command) => {
            log("warn");
            return exceptions::run(registry, load()?, &data_dir, command).await;
        }
        Command::Replays(command) => {
            log("warn");
            return replays::run(registry, load()?, &data_dir, &command).await;
        }
        Command::Retries(command) => {
            log("warn");
            return retries::run(registry, load()?, &data_dir, command).await;
        }
        Command::Recover { since, worker } => {
            log("warn");
            recover::recover(registry, load()?, &data_dir, since, worker.as_deref()).await?;
        }
        Command::Events(EventsCommand::Tail { filter }) => {
            log("warn");
            events::tail(load()?, &data_dir, filter.as_deref()).await?;
        }
        Command::Doctor { json } => {
            // What goes wrong is in the findings.
            log("off");
            return doctor::run(registry, load()?, &data_dir, json).await;
        }
        Command::Migrate => {
            log("info");
            migrate::migrate(registry, load()?, &data_dir).await?;
        }
        Command::Provision => {
            log("info");
            provision::provision(registry, load()?, &data_dir).await?;
        }
        Command::Permissions(PermissionsCommand::Nats { keys }) => {
            print(&permissions::nats(registry, &load()?, &keys)?)?;
        }
        Command::Probe { url } => return probe::probe(&load()?, url.as_deref()).await,
        Command::Config => print(&defaults(&registry.sections()))?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut command_line(registry), "despatch", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command whose telemetry is collected, and sends the last of it.
#[cfg(feature = "local")]
async fn with_telemetry<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let telemetry = Telemetry::start("despatch")?;
    let done = work.await;
    telemetry.stop();
    done
}

/// Logs for a person who is waiting.
fn log(level: &str) {
    despatch_telemetry::log(level, Format::Pretty);
}
