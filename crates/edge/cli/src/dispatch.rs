//! From the command line to the command.

mod usage;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;
use despatch_telemetry::{Format, Sink};

use crate::args::{
    self, Cli, Command, ConfigArgs, ConfigCommand, DoctorArgs, EventsCommand, GlobalArgs, PermissionsCommand,
};
use crate::commands::{
    config, doctor, events, exceptions, goods, guide, import, man, migrate, orders, permissions, probe,
    provision, recover, replays, retries, run, status,
};
#[cfg(feature = "local")]
use crate::commands::{demo, key, logs, sandbox, stop, up};
use crate::config::Config;
use crate::local::{DataDir, with_local_servers};
use crate::open_files::raise_open_files;
use crate::output::{colours, next_commands_have, print, print_error};
use crate::registry::Registry;
use crate::result::Result;

/// How long the last lines of the log may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs a command line with the workers of despatch, its program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(&Registry::default(), args)
}

/// The command line of a program with these workers: for its documentation.
pub fn command_line(registry: &Registry) -> clap::Command {
    args::command_line(&registry.names())
}

/// Runs a command line with other workers.
pub fn run(registry: &Registry, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    usage::colours(&args).write_global();
    let parsed = command_line(registry).try_get_matches_from(&args);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage::end(&error, command_line(registry), &args),
    };
    raise_open_files();
    // Cannot fail: nothing has installed another before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&error);
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(command(registry, cli));
    despatch_telemetry::flush(LAST_LINES);
    match done {
        Ok(code) => code,
        Err(error) => {
            print_error(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn command(registry: &Registry, Cli { global, command }: Cli) -> Result<ExitCode> {
    let data_dir = DataDir::new(&global.data_dir);
    let file = global.config.as_ref().map(|file| format!(" --config {}", file.display())).unwrap_or_default();
    next_commands_have(format!("{}{file}", data_dir.option()));
    let load = || registry.load(global.config.as_deref());
    let log = |level| log(&global, level, Format::Pretty);
    let Some(command) = command else {
        log("off");
        guide::guide(&command_line(registry), load(), &data_dir)?;
        return Ok(ExitCode::SUCCESS);
    };
    let verbose = global.verbose > 0;
    match command {
        #[cfg(feature = "local")]
        Command::Up(args) => return Box::pin(up::up(registry, load()?, data_dir, &args, &global)).await,
        #[cfg(feature = "local")]
        Command::Demo(args) => {
            log_errors_and_servers(&global);
            return Box::pin(demo::demo(registry, load()?, data_dir, &args, global.quiet)).await;
        }
        #[cfg(feature = "local")]
        Command::Stop => stop::stop(&data_dir).await?,
        #[cfg(feature = "local")]
        Command::Logs(args) => logs::logs(&data_dir, &args).await?,
        #[cfg(feature = "local")]
        Command::Key => key::key(&data_dir)?,
        #[cfg(feature = "local")]
        Command::Sandbox(args) => {
            log("info");
            sandbox::run(&args).await?;
        }
        Command::Run { workers } => {
            let config = load()?;
            self::log(&global, "info", config.log.format);
            run::run(registry, config, &workers).await?;
        }
        Command::Import(args) => {
            log("warn");
            return import::import(load()?, &data_dir, &args, global.quiet).await;
        }
        Command::Status { json } => {
            log("off");
            status::status(registry, load()?, &data_dir, json).await?;
        }
        Command::Orders(command) => {
            log("warn");
            return orders::run(load()?, &data_dir, command, verbose).await;
        }
        Command::Goods(command) => {
            log("warn");
            return Box::pin(goods::run(&load()?, &data_dir, command, global.quiet)).await;
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
        Command::Recover { since, worker, json } => {
            log("warn");
            recover::recover(registry, load()?, &data_dir, since, worker.as_deref(), json).await?;
        }
        Command::Events(EventsCommand::Tail(args)) => {
            log("warn");
            events::tail(registry, load()?, &data_dir, &args, verbose).await?;
        }
        Command::Doctor(args) => {
            // The findings say what goes wrong.
            log("off");
            return examine(registry, load()?, &data_dir, &args, global.quiet).await;
        }
        Command::Migrate { json } => {
            log("info");
            migrate::migrate(registry, load()?, &data_dir, json).await?;
        }
        Command::Provision { json } => {
            log("info");
            provision::provision(registry, load()?, &data_dir, json).await?;
        }
        Command::Permissions(PermissionsCommand::Nats { keys, json }) => {
            print(&permissions::nats(registry, &load()?, &keys, json)?)?;
        }
        Command::Probe { url, json } => return probe::probe(&load()?, url.as_deref(), json).await,
        Command::Config(args) => return configuration(registry, &global, &data_dir, args),
        Command::Completions { shell } => man::completions(registry, shell)?,
        Command::Man { dir } => man::man(&command_line(registry), dir.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the configuration, or checks it.
fn configuration(
    registry: &Registry,
    global: &GlobalArgs,
    data_dir: &DataDir,
    args: ConfigArgs,
) -> Result<ExitCode> {
    match args.command {
        None => config::print_defaults(registry, args.json)?,
        Some(ConfigCommand::Show { effective: false, json }) => config::print_defaults(registry, json)?,
        Some(ConfigCommand::Show { effective: true, .. }) => {
            let loaded = registry.load(global.config.as_deref())?;
            config::show_effective(&effective_settings(registry, loaded, data_dir)?)?;
        }
        Some(ConfigCommand::Check(args)) => {
            return config::check(registry, global.config.as_deref(), &args);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Examines the deployment that the configuration leads to.
async fn examine(
    registry: &Registry,
    asked: Config,
    data_dir: &DataDir,
    args: &DoctorArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let config = effective_settings(registry, asked.clone(), data_dir)?;
    doctor::run(registry, &asked, config, data_dir, args, quiet).await
}

/// The settings of the deployment that a command looks at: those that `up` or `demo` runs with where no servers are
/// configured, else the configuration's.
#[cfg(feature = "local")]
fn effective_settings(registry: &Registry, config: Config, data_dir: &DataDir) -> Result<Config> {
    if config.nats_url.is_empty()
        && config.database_url.is_empty()
        && let Some(settings) = data_dir.settings()?
    {
        return Ok(registry.running(settings)?);
    }
    with_local_servers(config, data_dir)
}

/// The settings of the deployment that a command looks at.
#[cfg(not(feature = "local"))]
fn effective_settings(_: &Registry, config: Config, data_dir: &DataDir) -> Result<Config> {
    with_local_servers(config, data_dir)
}

/// Logs to standard error, at this level unless the command line or `RUST_LOG` says otherwise.
fn log(global: &GlobalArgs, level: &'static str, format: Format) {
    despatch_telemetry::log([sink(global, level, format).or_rust_log()]);
}

/// Logs errors, and how the private servers are.
#[cfg(feature = "local")]
fn log_errors_and_servers(global: &GlobalArgs) {
    let errors = sink(global, "error", Format::Pretty);
    let sink = if global.quiet { errors } else { errors.warnings_of(&["despatch::local::servers"]) };
    despatch_telemetry::log([sink.or_rust_log()]);
}

fn sink(global: &GlobalArgs, level: &'static str, format: Format) -> Sink {
    Sink::stderr(global.level(level), format).colours(colours(&std::io::stderr()))
}
