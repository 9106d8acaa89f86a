//! The outcome of a decision, for which a command waits within a limit.

use std::time::Duration;

use despatch_contracts::Event as _;
use despatch_contracts::order::OrderCancelRequested;
use despatch_domain::Reason;
use despatch_exceptions::{Case, CaseQueries};
use despatch_read_model::ReadModel;

use crate::commands::waiting::within;
use crate::result::Result;

/// The outcome of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecisionResult {
    /// The case is resolved: `replayed`, `order-cancelled` or, by another person, `discarded`.
    Resolved(String),
    /// The event failed again.
    FailedAgain {
        /// The reason code.
        reason: String,
        /// The error text.
        error: String,
    },
    /// The order's state does not allow the decision: a reason code, and what else there is to say.
    Refused {
        /// The reason code.
        reason: String,
        /// The order's state.
        state: &'static str,
    },
    /// Nothing within the limit.
    Unknown,
}

impl DecisionResult {
    /// The name in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            DecisionResult::Resolved(_) => "resolved",
            DecisionResult::FailedAgain { .. } => "failed-again",
            DecisionResult::Refused { .. } => "refused",
            DecisionResult::Unknown => "unknown",
        }
    }

    /// Describes it, as found after this time.
    pub(super) fn in_words(&self, after: Duration) -> String {
        let after = format!("{:.1} s", after.as_secs_f64());
        match self {
            DecisionResult::Resolved(how) => match how.as_str() {
                "replayed" => format!("handled after {after}. Case resolved."),
                "order-cancelled" => format!("the order is cancelled after {after}. Case resolved."),
                how => format!("the case was {how} meanwhile."),
            },
            DecisionResult::FailedAgain { reason, error } if error.is_empty() => {
                format!("failed again: {reason}")
            }
            DecisionResult::FailedAgain { reason, error } => format!("failed again: {reason}: {error}"),
            DecisionResult::Refused { reason, state } => format!("refused: the order is {state} ({reason})."),
            DecisionResult::Unknown => format!("no outcome after {after}."),
        }
    }
}

/// Waits for the outcome of a replay of the case's last failure. `case` is the case before the decision.
pub(super) async fn of_replay(cases: &CaseQueries, case: &Case, limit: Duration) -> Result<DecisionResult> {
    let answer = async || {
        let now = cases.show(&case.id).await?.case;
        Ok(match now.resolution {
            Some(how) => Some(DecisionResult::Resolved(how)),
            None if now.generation > case.generation => {
                Some(DecisionResult::FailedAgain { reason: now.reason, error: now.error })
            }
            None => None,
        })
    };
    Ok(within(limit, answer).await?.unwrap_or(DecisionResult::Unknown))
}

/// The requests for an order's cancellation that changed nothing, and why. Each is an entry of the order's timeline.
pub(super) async fn refusals(orders: &ReadModel, order_id: &str) -> Result<Vec<DecisionResult>> {
    let ignored = [Reason::CommandRefused.code(), Reason::AlreadyApplied.code()];
    let timeline = orders.order(order_id).await?.map(|order| order.timeline).unwrap_or_default();
    let refused = timeline
        .into_iter()
        .filter(|step| step.event == OrderCancelRequested::TYPE && ignored.contains(&step.reason.as_str()));
    Ok(refused.map(|step| DecisionResult::Refused { reason: step.reason, state: step.to.name() }).collect())
}

/// Waits for the outcome of a request to cancel the order. `before` requests had changed nothing by then.
pub(super) async fn of_cancellation(
    cases: &CaseQueries,
    orders: &ReadModel,
    (case, order_id): (&Case, &str),
    before: usize,
    limit: Duration,
) -> Result<DecisionResult> {
    let answer = async || {
        if let Some(how) = cases.show(&case.id).await?.case.resolution {
            return Ok(Some(DecisionResult::Resolved(how)));
        }
        Ok(refusals(orders, order_id).await?.into_iter().nth(before))
    };
    Ok(within(limit, answer).await?.unwrap_or(DecisionResult::Unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_one_sentence() {
        let after = Duration::from_millis(1040);
        let said = |outcome: DecisionResult| outcome.in_words(after);
        assert_eq!(said(DecisionResult::Resolved("replayed".into())), "handled after 1.0 s. Case resolved.");
        let failed =
            DecisionResult::FailedAgain { reason: "card-declined".into(), error: "lost_card".into() };
        assert_eq!(said(failed), "failed again: card-declined: lost_card");
        assert_eq!(said(DecisionResult::Unknown), "no outcome after 1.0 s.");
    }
}
