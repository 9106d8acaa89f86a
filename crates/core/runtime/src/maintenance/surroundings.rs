//! Watches what a process needs of its surroundings and cannot correct: the machine's clock, and a broker that takes
//! messages of the usual size. Both restrict it and stop nothing.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::global;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::health::Health;
use crate::nats::{Broker, USUAL_PAYLOAD};

/// Interval of the comparison, which asks nobody.
const EVERY: Duration = Duration::from_secs(1);

/// The difference of the clocks from which an operator has to act.
const TOLERATED: Duration = Duration::from_secs(60);

/// The health report's names.
const CLOCK: &str = "clock";
const PAYLOAD: &str = "max_payload";

/// Watches until the process drains. Each of `clocks` is of a database that the process uses.
pub(crate) async fn watch(clocks: Vec<Arc<Clock>>, broker: Broker, health: Health, drain: CancellationToken) {
    let offset = global::meter("despatch").f64_gauge("despatch.clock_offset").with_unit("s").build();
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = drain.cancelled() => return,
        }
        let ahead =
            clocks.iter().map(|clock| clock.database_ahead()).max_by_key(|ahead| ahead.unsigned_abs());
        let ahead = ahead.unwrap_or_default();
        let size = Duration::from_micros(ahead.unsigned_abs());
        let seconds = size.as_secs_f64();
        offset.record(if ahead < 0 { -seconds } else { seconds }, &[]);
        if size < TOLERATED {
            health.ready(CLOCK);
        } else {
            health.degraded(CLOCK, difference(ahead > 0, size));
        }
        if broker.is_connected() {
            match broker.client().max_payload() {
                USUAL_PAYLOAD.. => health.ready(PAYLOAD),
                less => health.degraded(
                    PAYLOAD,
                    format!("the broker takes messages of {less} bytes at most, and should take {USUAL_PAYLOAD}: large orders are refused"),
                ),
            }
        }
    }
}

/// Says how far this machine's clock is from the database's.
fn difference(behind: bool, by: Duration) -> String {
    let (unit, seconds) = match by.as_secs() {
        0..120 => ("seconds", 1.0),
        120..7_200 => ("minutes", 60.0),
        7_200..172_800 => ("hours", 3_600.0),
        _ => ("days", 86_400.0),
    };
    let by = by.as_secs_f64() / seconds;
    let side = if behind { "behind" } else { "ahead of" };
    format!(
        "{by:.0} {unit} {side} the database's; run NTP on both machines: events are right, logs and traces are not"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_for_people() {
        let texts = [(true, 119), (false, 7_300), (true, 40 * 86_400 - 1)]
            .map(|(behind, seconds)| difference(behind, Duration::from_secs(seconds)));
        for (text, start) in
            texts.iter().zip(["119 seconds behind the", "2 hours ahead of the", "40 days behind the"])
        {
            assert!(text.starts_with(start), "{text}");
        }
    }
}
