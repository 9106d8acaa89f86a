//! A process's telemetry: traces and metrics by OpenTelemetry, and logs.
//!
//! The other crates know only OpenTelemetry's API. This one decides where traces and metrics go, by the standard
//! `OTEL_*` variables: nowhere, unless one of them names a collector. Metrics can also be read from the process. Data
//! that a collector does not accept is dropped, because no event may wait for it.

mod catalogue;
mod error;
mod json;
mod logs;
mod sampler;
mod writer;

use std::time::Duration;

use opentelemetry::global;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::{Registry, TextEncoder};

pub use error::TelemetryError;
pub use logs::{Format, Sink, log};
use sampler::Failures;
pub use writer::flush;

/// How long the last spans and metrics may take to be sent.
const LAST: Duration = Duration::from_secs(2);

/// A process's telemetry, until it is [stopped](Self::stop).
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts to collect. Call it within a tokio runtime, before anything that should be observed. `service` names the
    /// process unless `OTEL_SERVICE_NAME` does.
    pub fn start(service: &str) -> Result<Self, TelemetryError> {
        // For a collector over TLS. The first caller in the process wins; all callers install the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resource = resource(service);
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()?;
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader);
        if exports("METRICS") {
            meters = meters.with_periodic_exporter(MetricExporter::builder().build()?);
        }
        let meters = meters.build();
        global::set_meter_provider(meters.clone());
        let meter = global::meter("despatch");
        let lost = meter.u64_observable_counter("despatch.log_lines_lost");
        lost.with_callback(|lost| lost.observe(writer::lost(), &[])).build();
        let mut tracers = None;
        if exports("TRACES") {
            let (name, argument) = (variable("OTEL_TRACES_SAMPLER"), variable("OTEL_TRACES_SAMPLER_ARG"));
            let provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(Failures::and(name.as_deref(), argument.as_deref())?)
                .with_batch_exporter(SpanExporter::builder().build()?)
                .build();
            global::set_tracer_provider(provider.clone());
            despatch_contracts::collect_spans();
            tracers = Some(provider);
        }
        Ok(Telemetry { registry, meters, tracers })
    }

    /// Returns whether metrics are also sent to a collector.
    pub fn sends_metrics(&self) -> bool {
        exports("METRICS")
    }

    /// Returns every metric in Prometheus' text format, with what it means.
    pub fn metrics(&self) -> Result<String, TelemetryError> {
        let mut families = self.registry.gather();
        for family in &mut families {
            if let Some(meaning) = catalogue::meaning(family.name()) {
                family.set_help(meaning.to_owned());
            }
        }
        Ok(TextEncoder::new().encode_to_string(&families)?)
    }

    /// Sends what has not been sent yet, within a time limit.
    pub fn stop(&self) {
        // The collector may be gone, and a failure can no longer be reported.
        let _ = self.tracers.as_ref().map(|tracers| tracers.shutdown_with_timeout(LAST));
        let _ = self.meters.shutdown_with_timeout(LAST);
    }
}

/// Returns whether a collector is named for this signal.
fn exports(signal: &str) -> bool {
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|said| said.eq_ignore_ascii_case("true"));
    let none = variable(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|exporter| exporter == "none");
    let named = ["OTEL_EXPORTER_OTLP_ENDPOINT", &format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")]
        .iter()
        .any(|name| variable(name).is_some());
    named && !disabled && !none
}

fn resource(service: &str) -> Resource {
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    let named = variable("OTEL_SERVICE_NAME").is_some()
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|said| said.contains("service.name="));
    if named { builder.build() } else { builder.with_service_name(service.to_owned()).build() }
}

/// Reads an environment variable; by OpenTelemetry's rule an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
