//! Errors at the start of telemetry.

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkError;

/// An error that keeps telemetry from starting.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A variable has a value that is not allowed.
    #[error("{name}: expected {expected}, found {found:?}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// The allowed values.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// An exporter cannot be created from the variables.
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    /// An error of OpenTelemetry.
    #[error(transparent)]
    Sdk(#[from] OTelSdkError),
    /// The metrics cannot be encoded.
    #[error(transparent)]
    Text(#[from] prometheus::Error),
}
