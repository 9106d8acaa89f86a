//! Logs, to standard error.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Pretty,
    /// A JSON object, for whoever collects logs.
    Json,
}

/// Logs from now on, at this level unless `RUST_LOG` says otherwise. A span is logged when it ends.
pub fn log(level: &str, format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr);
    match format {
        Format::Pretty => lines.init(),
        Format::Json => lines.json().flatten_event(true).init(),
    }
}
