//! Logs, to standard error.

use std::fmt;

use serde::Deserialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Libraries that log routine work at info level. Their warnings and errors are shown.
const CHATTY: [&str; 3] = ["tokio_postgres", "async_nats", "opentelemetry"];

/// The format of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text for people.
    Pretty,
    /// A JSON object in each line, for programs that collect logs.
    Json,
}

/// Starts to log, from this level on unless `RUST_LOG` says otherwise.
pub fn log(level: &str, format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| filter(level));
    // An error of the log itself would be printed to standard error, which panics if that is what fails.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match format {
        Format::Pretty => lines.init(),
        Format::Json => lines.json().flatten_event(true).map_event_format(WithoutBuildPaths).init(),
    }
}

/// Returns the filter for a level. At info level it leaves out the routine work of libraries.
fn filter(level: &str) -> EnvFilter {
    if level.eq_ignore_ascii_case("info") {
        let directives = CHATTY.map(|library| format!("{library}=warn")).join(",");
        EnvFilter::new(format!("{level},{directives}"))
    } else {
        EnvFilter::new(level)
    }
}

/// Removes the fields that come with records of the `log` crate, because they hold paths of the machine that built the
/// program. The target says where a record is from.
struct WithoutBuildPaths<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithoutBuildPaths<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != "log" {
            return self.0.format_event(ctx, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&line).map_err(|_| fmt::Error)?;
        fields.retain(|name, _| !name.starts_with("log."));
        writeln!(writer, "{}", serde_json::Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Returns the JSON lines that `work` logs at a level.
    fn logged(level: &str, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(level))
            .with_writer(move || writer.clone())
            .json()
            .flatten_event(true)
            .map_event_format(WithoutBuildPaths)
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_log_routine_work_only_when_asked() {
        let work = || {
            tracing::info!(target: "despatch_runtime", "process ready");
            tracing::info!(target: "tokio_postgres::connection", "NOTICE: relation exists");
            tracing::info!(target: "async_nats", "event: connected");
            tracing::info!(target: "opentelemetry-otlp", "MeterProvider.GlobalSet");
            tracing::warn!(target: "async_nats", "slow consumer");
        };
        let info = logged("info", work);
        assert!(info.contains("process ready") && info.contains("slow consumer"), "{info}");
        assert_eq!(info.lines().count(), 2, "{info}");
        assert_eq!(logged("debug", work).lines().count(), 5);
        assert_eq!(logged("warn", work).lines().count(), 1);
    }

    #[test]
    fn records_of_the_log_crate_show_no_path_of_the_build_machine() {
        let line = logged("info", || {
            let record = log::Record::builder()
                .level(log::Level::Warn)
                .target("somewhere::inside")
                .file(Some("/build/somewhere/inside.rs"))
                .args(format_args!("said by a library"))
                .build();
            tracing_log::format_trace(&record).unwrap();
        });
        assert!(line.contains("said by a library") && line.contains("somewhere::inside"), "{line}");
        assert!(!line.contains("log.") && !line.contains("/build/"), "{line}");
    }
}
