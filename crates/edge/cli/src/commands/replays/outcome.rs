//! The outcome of a bulk replay.

use std::fmt::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use despatch_exceptions::{BulkReplay, ReplayFailure, ReplayQueries, ReplayState};
use serde_json::json;

use crate::args::WaitArgs;
use crate::commands::waiting::within;
use crate::output::{next_command, one_line, print};
use crate::result::Result;

/// Waits until a bulk replay no longer runs, and says how it ended and what to do. Ends with status 1 when it stopped by itself.
pub(super) async fn wait(
    queries: &ReplayQueries,
    id: i64,
    wait: &WaitArgs,
    as_json: bool,
) -> Result<ExitCode> {
    let begun = Instant::now();
    let ended = within(Duration::from_secs(wait.timeout), async || {
        let replay = queries.show(id).await?.0;
        Ok((replay.state != ReplayState::Running).then_some(replay))
    });
    let replay = match ended.await? {
        Some(replay) => replay,
        None => queries.show(id).await?.0,
    };
    let failure = queries.last_failure(id).await?;
    let stopped = replay.state == ReplayState::Stopped;
    if as_json {
        let seconds = begun.elapsed().as_secs_f64();
        print(&format!("{:#}\n", json!({ "replay": replay, "last_failure": failure, "seconds": seconds })))?;
    } else {
        print(&in_words(&replay, failure.as_ref(), begun.elapsed())?)?;
    }
    Ok(if stopped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn in_words(
    replay: &BulkReplay,
    failure: Option<&ReplayFailure>,
    after: Duration,
) -> Result<String, fmt::Error> {
    let BulkReplay { id, state, counts, .. } = replay;
    let after = format!("{:.1} s", after.as_secs_f64());
    let mut parts = vec![format!("{} handled", counts.succeeded)];
    for (count, what) in [
        (counts.failed, "failed again"),
        (counts.skipped, "skipped"),
        (counts.sent, "in flight"),
        (counts.pending, "not replayed yet"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let parts = parts.join(", ");
    let mut text = match state {
        ReplayState::Running => format!("still running after {after}: {parts}\n"),
        ReplayState::Stopped => {
            let tried = counts.succeeded + counts.failed;
            format!("stopped after {tried} of {}: {parts}\n", counts.total())
        }
        state => format!("{} after {after}: {parts}\n", state.name()),
    };
    if let Some(ReplayFailure { number, reason, error }) = failure {
        writeln!(text, "      case {number}, {reason}: {}", one_line(error))?;
    }
    let resume = next_command(format_args!("replays resume {id}"));
    match state {
        ReplayState::Stopped => {
            writeln!(text, "      fix the cause, then: {resume}")?;
        }
        ReplayState::Paused => writeln!(text, "      {resume}")?,
        ReplayState::Finished if counts.failed + counts.skipped == 0 => {}
        _ => {
            let show = next_command(format_args!("replays show {id} --items"));
            writeln!(text, "      {show}")?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use despatch_exceptions::{ReplayCounts, ReplayPlan};
    use jiff::Timestamp;

    use super::*;

    fn replay(state: ReplayState, counts: ReplayCounts) -> BulkReplay {
        BulkReplay {
            id: 2,
            created_by: "ada".into(),
            filter: "unresolved".into(),
            state,
            stop_reason: String::new(),
            plan: ReplayPlan::default(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            counts,
        }
    }

    #[test]
    fn how_it_ended_is_said_with_what_to_do_next() {
        let after = Duration::from_millis(3200);
        let all = replay(ReplayState::Finished, ReplayCounts { succeeded: 20, ..ReplayCounts::default() });
        assert_eq!(in_words(&all, None, after).unwrap(), "finished after 3.2 s: 20 handled\n");
        let counts = ReplayCounts { failed: 1, pending: 19, ..ReplayCounts::default() };
        let failure = ReplayFailure {
            number: 14,
            reason: "address-undeliverable".into(),
            error: "no\nsuch street".into(),
        };
        let expected = "\
stopped after 1 of 20: 0 handled, 1 failed again, 19 not replayed yet
      case 14, address-undeliverable: no such street
      fix the cause, then: despatch replays resume 2
";
        assert_eq!(in_words(&replay(ReplayState::Stopped, counts), Some(&failure), after).unwrap(), expected);
        let running = replay(ReplayState::Running, ReplayCounts { sent: 3, ..ReplayCounts::default() });
        let said = in_words(&running, None, after).unwrap();
        assert_eq!(
            said,
            "still running after 3.2 s: 0 handled, 3 in flight\n      despatch replays show 2 --items\n"
        );
    }
}
