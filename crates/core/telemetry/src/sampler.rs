//! The choice of traces to collect.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use crate::error::TelemetryError;

/// Samples by the configured sampler, and in addition failures and batches with a sampled event.
#[derive(Debug, Clone)]
pub(crate) struct Failures(Sampler);

impl Failures {
    /// Creates the sampler from `OTEL_TRACES_SAMPLER` and its argument. Default: requests as their sender sampled them,
    /// and all traces that begin here.
    pub(crate) fn and(name: Option<&str>, argument: Option<&str>) -> Result<Self, TelemetryError> {
        let ratio = || match argument.map(str::parse::<f64>) {
            None => Ok(Sampler::TraceIdRatioBased(1.0)),
            Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => Ok(Sampler::TraceIdRatioBased(ratio)),
            Some(_) => Err(TelemetryError::Setting {
                name: "OTEL_TRACES_SAMPLER_ARG",
                expected: "a number from 0 to 1",
                found: argument.unwrap_or_default().to_owned(),
            }),
        };
        let parent_based = |root: Sampler| Sampler::ParentBased(Box::new(root));
        let sampler = match name.unwrap_or("parentbased_always_on") {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => ratio()?,
            "parentbased_always_on" => parent_based(Sampler::AlwaysOn),
            "parentbased_always_off" => parent_based(Sampler::AlwaysOff),
            "parentbased_traceidratio" => parent_based(ratio()?),
            other => {
                return Err(TelemetryError::Setting {
                    name: "OTEL_TRACES_SAMPLER",
                    expected: "always_on, always_off, traceidratio, or one of these after parentbased_",
                    found: other.to_owned(),
                });
            }
        };
        Ok(Failures(sampler))
    }
}

impl ShouldSample for Failures {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let failed = attributes.iter().any(|attribute| attribute.key.as_str() == "error.type");
        let has_sampled = links.iter().any(|link| link.span_context.is_sampled());
        if !failed && !has_sampled {
            return self.0.should_sample(parent, trace_id, name, kind, attributes, links);
        }
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: parent.map(|cx| cx.span().span_context().trace_state().clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanContext;

    use super::*;

    fn decides(sampler: &Failures, attributes: &[KeyValue], links: &[Link]) -> SamplingDecision {
        let id = TraceId::from_bytes([7; 16]);
        sampler.should_sample(None, id, "", &SpanKind::Consumer, attributes, links).decision
    }

    #[test]
    fn what_failed_is_collected_whatever_was_asked_for() {
        let none = Failures::and(Some("parentbased_traceidratio"), Some("0")).unwrap();
        assert_eq!(decides(&none, &[], &[]), SamplingDecision::Drop);
        assert_eq!(
            decides(&none, &[KeyValue::new("error.type", "retry")], &[]),
            SamplingDecision::RecordAndSample
        );
        let idle = Link::with_context(SpanContext::empty_context());
        assert_eq!(decides(&none, &[], &[idle]), SamplingDecision::Drop);
    }

    #[test]
    fn a_misspelt_sampler_is_refused_by_name() {
        let refused = Failures::and(Some("sometimes"), None).unwrap_err().to_string();
        assert!(refused.contains("OTEL_TRACES_SAMPLER") && refused.contains("sometimes"), "{refused}");
        for ratio in ["2", "-0.1", "much", "NaN"] {
            let refused = Failures::and(Some("traceidratio"), Some(ratio)).unwrap_err().to_string();
            assert!(refused.contains("OTEL_TRACES_SAMPLER_ARG") && refused.contains(ratio), "{refused}");
        }
    }
}
