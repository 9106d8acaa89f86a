//! The log: its levels, its destinations and its format.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use tracing::subscriber::with_default;
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::json::WithoutBuildPaths;
use crate::writer::{Lines, flush};

/// Libraries that log routine work at info level. Each is logged one level lower.
const LIBRARIES: [&str; 8] =
    ["async_nats", "tokio_postgres", "opentelemetry", "hyper", "h2", "rustls", "reqwest", "tonic"];

/// The format of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text for people.
    Pretty,
    /// A JSON object in each line, for programs that collect logs.
    Json,
}

/// How long the message of a panic that ends the process may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A destination of the log. A thread of its own writes it. Lines that it does not take in time are lost and counted,
/// because no task may wait for its log.
pub struct Sink {
    filter: EnvFilter,
    format: Format,
    colours: bool,
    output: Box<dyn Write + Send>,
}

impl Sink {
    /// Creates a sink that writes to standard error, without colours.
    pub fn stderr(level: &str, format: Format) -> Self {
        // A copy has no lock: a writer that waits for its reader keeps nobody else from standard error.
        let output: Box<dyn Write + Send> = match io::stderr().as_fd().try_clone_to_owned() {
            Ok(copy) => Box::new(File::from(copy)),
            Err(_) => Box::new(io::stderr()),
        };
        Sink { filter: filter(level), format, colours: false, output }
    }

    /// Creates a sink that passes one whole line at a time to `writer`, without colours.
    pub fn writer(level: &str, format: Format, writer: impl io::Write + Send + 'static) -> Self {
        Sink { filter: filter(level), format, colours: false, output: Box::new(writer) }
    }

    /// Lets `RUST_LOG`, if it is set, replace the level.
    #[must_use]
    pub fn or_rust_log(mut self) -> Self {
        if let Ok(filter) = EnvFilter::try_from_default_env() {
            self.filter = filter;
        }
        self
    }

    /// Leaves out what these parts of the program log below the error level.
    #[must_use]
    pub fn errors_of(mut self, targets: &[&str]) -> Self {
        let directives = targets.iter().filter_map(|target| format!("{target}=error").parse().ok());
        self.filter = directives.fold(self.filter, EnvFilter::add_directive);
        self
    }

    /// Shows the warnings of these parts of the program too.
    #[must_use]
    pub fn warnings_of(mut self, targets: &[&str]) -> Self {
        let directives = targets.iter().filter_map(|target| format!("{target}=warn").parse().ok());
        self.filter = directives.fold(self.filter, EnvFilter::add_directive);
        self
    }

    /// Colours the lines for people, if `colours`.
    #[must_use]
    pub fn colours(mut self, colours: bool) -> Self {
        self.colours = colours;
        self
    }

    fn layer(self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let Sink { filter, format, colours, output } = self;
        let lines = Lines::to(output, move |lost| notice(format, colours, lost));
        format.layer(colours, move || lines.clone()).with_filter(filter).boxed()
    }
}

impl Format {
    fn layer<W>(self, colours: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(colours)
            .with_writer(writer)
            // A failed write would be reported on standard error by a macro that panics when that fails too. A log that
            // cannot be written must not stop the process.
            .log_internal_errors(false);
        match self {
            Format::Pretty => lines.boxed(),
            Format::Json => lines.json().flatten_event(true).map_event_format(WithoutBuildPaths).boxed(),
        }
    }
}

/// Returns the line that says how many lines were lost, in the destination's own format.
fn notice(format: Format, colours: bool, lost: u64) -> Vec<u8> {
    let text = Arc::<Mutex<Vec<u8>>>::default();
    let written = Text(text.clone());
    let lines = format.layer(colours, move || written.clone());
    with_default(tracing_subscriber::registry().with(lines), || {
        tracing::warn!(lines = lost, "log lines lost");
    });
    std::mem::take(&mut *text.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Writes to memory.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs to these sinks from now on. A panic is logged too, because its message would otherwise be written by the task
/// that panics, which may wait for a reader that has stopped.
pub fn log(sinks: impl IntoIterator<Item = Sink>) {
    subscriber(sinks).init();
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !tracing::enabled!(Level::ERROR) {
            return print(panic);
        }
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let why = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(why, at, "panicked");
        if thread::current().name() == Some("main") {
            flush(LAST_WORDS);
        }
    }));
}

fn subscriber(sinks: impl IntoIterator<Item = Sink>) -> impl Subscriber + Send + Sync {
    let layers: Vec<_> = sinks.into_iter().map(Sink::layer).collect();
    tracing_subscriber::registry().with(layers)
}

/// Returns the filter for a level, with libraries one level lower.
fn filter(level: &str) -> EnvFilter {
    let lower = match level {
        "info" => "warn",
        "debug" => "info",
        level => level,
    };
    let libraries = LIBRARIES.map(|library| format!("{library}={lower}"));
    EnvFilter::new(format!("{level},{}", libraries.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// Fails at every write, as a closed pipe or a full disk does.
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    impl Text {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// Logs to these sinks what `say` says, and waits until it is written.
    fn logged(sinks: impl IntoIterator<Item = Sink>, say: impl FnOnce()) {
        with_default(subscriber(sinks), || {
            say();
            flush(LIMIT);
        });
    }

    #[test]
    fn a_sink_that_cannot_be_written_disturbs_neither_the_process_nor_other_sinks() {
        let there = Text::default();
        let sinks =
            [Sink::writer("info", Format::Pretty, Full), Sink::writer("info", Format::Json, there.clone())];
        logged(sinks, || tracing::info!(order = 17, "order placed"));
        let line = there.text();
        assert!(line.contains(r#""message":"order placed""#) && line.contains(r#""order":17"#), "{line}");
    }

    #[test]
    fn each_sink_has_its_own_level_and_libraries_one_lower() {
        let (all, few) = (Text::default(), Text::default());
        let sinks = [
            Sink::writer("info", Format::Pretty, all.clone()),
            Sink::writer("warn", Format::Pretty, few.clone()).errors_of(&["outcome"]),
        ];
        logged(sinks, || {
            tracing::info!("worker started");
            tracing::info!(target: "tokio_postgres::connection", "NOTICE: it exists");
            tracing::warn!("retrying");
            tracing::warn!(target: "outcome::case", "told elsewhere");
        });
        let [all, few] = [all.text(), few.text()];
        assert!(all.contains("worker started") && !all.contains("NOTICE"), "{all}");
        assert!(few.contains("retrying") && !few.contains("worker started"), "{few}");
        assert!(all.contains("told elsewhere") && !few.contains("told elsewhere"), "{few}");
        assert!(!all.contains('\u{1b}'), "no colours unless they are wanted: {all:?}");
    }

    #[test]
    fn records_of_the_log_crate_show_no_path_of_the_build_machine() {
        let lines = Text::default();
        logged([Sink::writer("info", Format::Json, lines.clone())], || {
            let record = log::Record::builder()
                .level(log::Level::Warn)
                .target("somewhere::inside")
                .file(Some("/build/somewhere/inside.rs"))
                .args(format_args!("said by a library"))
                .build();
            tracing_log::format_trace(&record).unwrap();
        });
        let line = lines.text();
        assert!(line.contains("said by a library") && line.contains("somewhere::inside"), "{line}");
        assert!(!line.contains("log.") && !line.contains("/build/"), "{line}");
    }

    #[test]
    fn the_line_about_lost_lines_has_the_format_of_the_others() {
        let json = String::from_utf8(notice(Format::Json, false, 7)).unwrap();
        assert!(json.ends_with("}\n") && json.contains(r#""message":"log lines lost","lines":7"#), "{json}");
        let text = String::from_utf8(notice(Format::Pretty, false, 7)).unwrap();
        assert!(text.contains(" WARN ") && text.ends_with("log lines lost lines=7\n"), "{text}");
    }
}
