//! How far all orders are.

use std::collections::BTreeMap;
use std::fmt;

use despatch_status::OrderState;

/// How far all orders are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    by_state: BTreeMap<&'static str, usize>,
    past_labels: usize,
    completed: usize,
    /// Orders that a dead letter ended.
    dead: usize,
}

impl Progress {
    pub(super) fn new(counts: Vec<(OrderState, i64)>, dead: usize) -> Self {
        let mut progress = Progress { dead, ..Progress::default() };
        for (state, count) in counts {
            // A count is never negative.
            let count = usize::try_from(count).unwrap_or_default();
            progress.by_state.insert(state.name(), count);
            match state {
                OrderState::Accepted | OrderState::Reserved | OrderState::Paid | OrderState::Picked => {}
                OrderState::Labelled | OrderState::Despatched | OrderState::Delivered => {
                    progress.past_labels += count;
                }
                // An order that was cancelled or came back has come to its end too.
                OrderState::Completed | OrderState::Cancelled | OrderState::Returned => {
                    progress.completed += count;
                }
            }
        }
        progress
    }

    /// Orders that hold up no label any more.
    pub fn past_labels(&self) -> usize {
        self.past_labels + self.ended()
    }

    /// Orders that went all their way.
    pub fn completed(&self) -> usize {
        self.completed
    }

    /// Orders that have come to their end, good or bad.
    pub fn ended(&self) -> usize {
        self.completed + self.dead
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in OrderState::ALL {
            if let Some(count) = self.by_state.get(state.name()) {
                write!(f, "{} {count}  ", state.name())?;
            }
        }
        if self.dead > 0 { write!(f, "dead-lettered {}", self.dead) } else { Ok(()) }
    }
}
