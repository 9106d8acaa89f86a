//! Why telemetry does not start.

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkError;

/// Telemetry that cannot be had as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A variable's value is none of those that it can have.
    #[error("{name}: expected {expected}, found {found:?}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What it can be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An exporter cannot be made of what the variables say.
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    /// OpenTelemetry's own.
    #[error(transparent)]
    Sdk(#[from] OTelSdkError),
    /// The metrics cannot be written down.
    #[error(transparent)]
    Text(#[from] prometheus::Error),
}
