//! The log: its levels, its destinations and its format.

use std::io;
use std::sync::Mutex;

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::json::WithoutBuildPaths;

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

/// A destination of the log.
#[derive(Debug)]
pub struct Sink {
    filter: EnvFilter,
    format: Format,
    colours: bool,
    writer: BoxMakeWriter,
}

impl Sink {
    /// Creates a sink that writes to standard error, without colours.
    pub fn stderr(level: &str, format: Format) -> Self {
        Sink { filter: filter(level), format, colours: false, writer: BoxMakeWriter::new(io::stderr) }
    }

    /// Creates a sink that passes one whole line at a time to `writer`, without colours.
    pub fn writer(level: &str, format: Format, writer: impl io::Write + Send + 'static) -> Self {
        let writer = BoxMakeWriter::new(Mutex::new(writer));
        Sink { filter: filter(level), format, colours: false, writer }
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

    /// Colours the lines for people, if `colours`.
    #[must_use]
    pub fn colours(mut self, colours: bool) -> Self {
        self.colours = colours;
        self
    }

    fn layer(self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(self.colours)
            .with_writer(self.writer)
            // A failed write would be reported on standard error by a macro that panics when that fails too. A log that
            // cannot be written must not stop the process.
            .log_internal_errors(false);
        match self.format {
            Format::Pretty => lines.with_filter(self.filter).boxed(),
            Format::Json => {
                let lines = lines.json().flatten_event(true).map_event_format(WithoutBuildPaths);
                lines.with_filter(self.filter).boxed()
            }
        }
    }
}

/// Logs to these sinks from now on.
pub fn log(sinks: impl IntoIterator<Item = Sink>) {
    subscriber(sinks).init();
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
    use std::sync::Arc;

    use tracing::subscriber::with_default;

    use super::*;

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

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sink_that_cannot_be_written_disturbs_neither_the_process_nor_other_sinks() {
        let there = Shared::default();
        let sinks =
            [Sink::writer("info", Format::Pretty, Full), Sink::writer("info", Format::Json, there.clone())];
        with_default(subscriber(sinks), || tracing::info!(order = 17, "order placed"));
        let line = String::from_utf8(there.0.lock().unwrap().clone()).unwrap();
        assert!(line.contains(r#""message":"order placed""#) && line.contains(r#""order":17"#), "{line}");
    }

    #[test]
    fn each_sink_has_its_own_level_and_libraries_one_lower() {
        let (all, few) = (Shared::default(), Shared::default());
        let sinks = [
            Sink::writer("info", Format::Pretty, all.clone()),
            Sink::writer("warn", Format::Pretty, few.clone()).errors_of(&["outcome"]),
        ];
        with_default(subscriber(sinks), || {
            tracing::info!("worker started");
            tracing::info!(target: "tokio_postgres::connection", "NOTICE: it exists");
            tracing::warn!("retrying");
            tracing::warn!(target: "outcome::case", "told elsewhere");
        });
        let [all, few] = [all, few].map(|it| String::from_utf8(it.0.lock().unwrap().clone()).unwrap());
        assert!(all.contains("worker started") && !all.contains("NOTICE"), "{all}");
        assert!(few.contains("retrying") && !few.contains("worker started"), "{few}");
        assert!(all.contains("told elsewhere") && !few.contains("told elsewhere"), "{few}");
        assert!(!all.contains('\u{1b}'), "no colours unless they are wanted: {all:?}");
    }

    #[test]
    fn records_of_the_log_crate_show_no_path_of_the_build_machine() {
        let lines = Shared::default();
        with_default(subscriber([Sink::writer("info", Format::Json, lines.clone())]), || {
            let record = log::Record::builder()
                .level(log::Level::Warn)
                .target("somewhere::inside")
                .file(Some("/build/somewhere/inside.rs"))
                .args(format_args!("said by a library"))
                .build();
            tracing_log::format_trace(&record).unwrap();
        });
        let line = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(line.contains("said by a library") && line.contains("somewhere::inside"), "{line}");
        assert!(!line.contains("log.") && !line.contains("/build/"), "{line}");
    }
}
