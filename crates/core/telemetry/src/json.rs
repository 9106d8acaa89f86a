//! The JSON lines of the log.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Removes the fields that come with records of the `log` crate, because they hold paths of the machine that built the
/// program. The line's target says where a record is from.
pub(crate) struct WithoutBuildPaths<F>(pub(crate) F);

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
