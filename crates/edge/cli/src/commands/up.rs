//! `despatch up`: everything in one process, until SIGTERM or Ctrl-C. Its log is a file; the terminal shows what a person
//! wants to know.

mod header;
mod screen;
mod watch;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use despatch_runtime::Database;
use despatch_telemetry::{Format, Sink, Telemetry};

use crate::args::{GlobalArgs, UpArgs};
use crate::config::{Config, StandIns};
use crate::local::{DataDir, LaunchOptions, LocalDeployment, LogFile};
use crate::output::colours;
use crate::registry::Registry;
use crate::result::{Result, hinted};
use crate::signals;
use header::header;
use screen::Screen;
use watch::Watch;

/// The exit status after a second Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// The parts of the program whose warnings are cases, which the screen tells by itself.
const TOLD_AS_CASES: [&str; 2] = ["despatch_runtime::pipeline", "despatch_notifications::alert"];

/// Runs a local deployment until it is asked to stop.
pub(crate) async fn up(
    registry: &Registry,
    mut config: Config,
    data_dir: DataDir,
    args: &UpArgs,
    global: &GlobalArgs,
) -> Result<ExitCode> {
    if let Some(listen) = args.listen {
        config.gateway.listen = listen;
    }
    let lock = data_dir.lock().await?;
    let screen = Screen::new(global.quiet);
    log(&data_dir, config.log.format, args, global, &screen)?;
    let telemetry = Telemetry::start("despatch")?;
    let stood_in_for = StandIns::needed(&config);
    let databases = config.databases.clone();
    let options = LaunchOptions {
        config,
        data_dir: data_dir.clone(),
        lock,
        command: "up",
        faults: args.faults,
        new_secrets: args.new_secrets,
    };
    let shown = Shown { data_dir: &data_dir, stood_in_for: &stood_in_for, databases: &databases };
    let done = run(registry, options, &shown, &screen).await;
    screen.end();
    telemetry.stop();
    done.map(|()| ExitCode::SUCCESS)
}

/// The whole log goes to the file, warnings or what is asked for to the terminal.
fn log(data_dir: &DataDir, format: Format, args: &UpArgs, global: &GlobalArgs, screen: &Screen) -> Result {
    let path = data_dir.log_file();
    let file = LogFile::create(&path).map_err(|error| {
        hinted(
            format!("{} cannot be written: {error}", path.display()),
            "use a directory that you may write to: --data-dir DIR, or DESPATCH_DATA_DIR",
        )
    })?;
    let whole = args.log || global.verbose > 0;
    let usual = if whole { "info" } else { "warn" };
    // The first -v shows what the file has, a second one more.
    let level = if whole && global.verbose > 1 { "debug" } else { usual };
    let in_file = if global.verbose > 1 { "debug" } else { "info" };
    let terminal = Sink::writer(if global.quiet { "error" } else { level }, format, screen.stderr());
    let terminal = terminal.colours(colours(&std::io::stderr()));
    let terminal = if whole { terminal.or_rust_log() } else { terminal.errors_of(&TOLD_AS_CASES) };
    despatch_telemetry::log([Sink::writer(in_file, format, file).or_rust_log(), terminal]);
    Ok(())
}

/// The deployment as the screen shows it.
struct Shown<'a> {
    data_dir: &'a DataDir,
    stood_in_for: &'a [&'static str],
    /// The databases of single workers, by worker.
    databases: &'a BTreeMap<String, String>,
}

async fn run(registry: &Registry, options: LaunchOptions, shown: &Shown<'_>, screen: &Screen) -> Result {
    let started = Instant::now();
    let mut stop = std::pin::pin!(signals::stop());
    let mut deployment = tokio::select! {
        started = LocalDeployment::start(registry, options) => started?,
        asked = &mut stop => return Ok(asked?),
    };
    let database = |worker| {
        let url = shown.databases.get(worker).unwrap_or(&deployment.address.database_url);
        Database::new(url, 1)
    };
    let watch = Watch::new(database(despatch_gateway::NAME)?, database(despatch_exceptions::NAME)?);
    screen.print(&header(&deployment, shown.data_dir, shown.stood_in_for, started.elapsed())?);
    tokio::select! {
        asked = &mut stop => asked?,
        why = deployment.failed() => return Err(why.into()),
        () = watch.show(shown.data_dir, screen) => {}
    }
    let asked = Instant::now();
    let again = signals::stop();
    screen.end();
    screen.print("stopping …");
    tokio::select! {
        stopped = deployment.stop() => stopped?,
        asked = again => {
            asked?;
            screen.print(" ended at once; what was in flight continues at the next start\n");
            screen.end();
            // The private servers end with their owner, however that ends.
            std::process::exit(INTERRUPTED);
        }
    }
    screen.print(&format!(" done in {:.1} s\n", asked.elapsed().as_secs_f64()));
    Ok(())
}
