//! The despatch command: run workers, import orders, watch events, the demo.
//!
//! A library only so that the chaos harness can be shop, warehouse and auditor with the demo's own parts, and one binary
//! with the workers that it kills.

mod args;
pub mod audit;
pub mod checkout;
mod config;
pub mod demo;
mod doctor;
mod exceptions;
mod home;
pub mod import;
mod permissions;
mod probe;
pub mod registry;
mod retries;
mod run;
mod sandbox;
mod show;
mod signals;
mod site;
mod tail;

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use despatch_sandbox::Faults;
use despatch_telemetry::{Format, Telemetry};

use args::{Cli, Command, EventsCommand, OrderCommand, PermissionsCommand, UpArgs};
use config::Config;
use home::Home;
use site::{Plan, Site};

/// Prints; whoever reads may have seen enough.
pub(crate) fn say(text: &str) -> Outcome {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// An error's text, or any other, on one line that fits a terminal.
pub(crate) fn cut(text: &str) -> String {
    const WIDTH: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What a command comes to. Whatever goes wrong ends on the terminal, so its type no longer matters.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs a command line, its program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = Cli::parse_from(args);
    // Cannot fail: nothing has installed another before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("despatch: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("despatch: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn command(cli: Cli) -> Outcome<ExitCode> {
    let home = Home::new(&cli.data_dir);
    let load = || Config::load(cli.config.as_deref());
    match cli.command {
        Command::Up(args) => {
            let config = load()?;
            despatch_telemetry::log("info", config.log.format);
            observed(Box::pin(up(config, home, &args))).await?;
        }
        Command::Run { workers } => {
            let config = load()?;
            despatch_telemetry::log("info", config.log.format);
            run::run(config, &workers).await?;
        }
        Command::Demo(args) => {
            log("error");
            return observed(Box::pin(demo::demo(load()?, home, &args))).await;
        }
        Command::Import(args) => {
            log("warn");
            return import::import(&load()?, &home, &args).await;
        }
        Command::Order(OrderCommand::Show { id, json }) => {
            log("warn");
            show::show(load()?, &home, &id, json).await?;
        }
        Command::Exceptions(command) => {
            log("warn");
            exceptions::run(load()?, &home, command).await?;
        }
        Command::Retries(command) => {
            log("warn");
            retries::run(load()?, &home, command).await?;
        }
        Command::Recover { since, worker } => {
            log("warn");
            let (config, workers) = (at(load()?, &home)?, registry::named(worker.as_deref())?);
            let counts = despatch_runtime::recover_all(&config.settings(), &workers, since.into()).await?;
            for (worker, count) in counts {
                say(&format!("{worker:<15} {count} messages published again\n"))?;
            }
        }
        Command::Events(EventsCommand::Tail { filter }) => {
            log("warn");
            tail::tail(load()?, &home, filter.as_deref()).await?;
        }
        Command::Doctor { json } => {
            // What goes wrong is in the findings.
            log("off");
            return doctor::run(load()?, &home, json).await;
        }
        Command::Migrate => {
            log("info");
            let config = at(load()?, &home)?;
            despatch_runtime::migrate_all(&config.settings(), &registry::known(&config)?).await?;
        }
        Command::Provision => {
            log("info");
            let config = at(load()?, &home)?;
            despatch_runtime::provision_all(&config.settings(), &registry::known(&config)?).await?;
        }
        Command::Permissions(PermissionsCommand::Nats { keys }) => {
            say(&permissions::nats(&load()?, &keys)?)?;
        }
        Command::Probe { url } => return probe::probe(&load()?, url.as_deref()).await,
        Command::Sandbox(args) => {
            log("info");
            sandbox::run(&args).await?;
        }
        Command::Config => print!("{}", config::DEFAULTS),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "despatch", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it where telemetry is collected, and sends the last of that.
async fn observed<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let telemetry = Telemetry::start("despatch")?;
    let done = work.await;
    telemetry.stop();
    done
}

async fn up(config: Config, home: Home, args: &UpArgs) -> Outcome {
    let mut stop = std::pin::pin!(signals::stop());
    let plan = Plan {
        config,
        home,
        faults: args.faults.map_or_else(Faults::none, Faults::seeded),
        tracking: site::brisk(),
        progress: |line| eprintln!("{line}"),
    };
    let mut site = tokio::select! {
        started = Site::start(plan) => started?,
        asked = &mut stop => return Ok(asked?),
    };
    eprintln!("gateway   {}", site.address.gateway_url);
    if let Some(sandbox) = &site.sandbox {
        eprintln!(
            "sandbox   {} (stands in for the providers that are not configured)",
            sandbox.control_url()
        );
    }
    eprintln!("API key   in {}", site.home().path().join("address.json").display());
    eprintln!("Ctrl-C stops; what is in flight continues at the next start.");
    let failure = tokio::select! {
        asked = &mut stop => { asked?; None }
        why = site.failed() => Some(why),
    };
    if let Some(why) = failure {
        return Err(why.into());
    }
    eprintln!("finishing what is in hand");
    site.stop().await
}

/// The configuration with the servers of the site that runs here, where none are configured.
fn at(config: Config, home: &Home) -> Outcome<Config> {
    let config = with_site(config, home);
    config.check_servers()?;
    Ok(config)
}

/// The same, whether or not there is one.
fn with_site(mut config: Config, home: &Home) -> Config {
    if let Some(address) = home.address() {
        if config.nats_url.is_empty() {
            config.nats_url = address.nats_url;
        }
        if config.database_url.is_empty() {
            config.database_url = address.database_url;
        }
    }
    config
}

/// Logs for a person who is waiting.
fn log(level: &str) {
    despatch_telemetry::log(level, Format::Pretty);
}
