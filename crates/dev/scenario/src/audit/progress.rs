//! The progress of all orders.

use std::collections::BTreeMap;
use std::fmt;

use despatch_status::OrderState;

/// The progress of all orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    by_state: BTreeMap<&'static str, usize>,
    past_labels: usize,
    completed: usize,
    /// Orders that a dead letter ended.
    dead: usize,
    /// Orders that wait for their payment, or did until nobody waited any more.
    unpaid: usize,
}

impl Progress {
    pub(super) fn new(counts: Vec<(OrderState, i64)>, dead: usize, unpaid: i64) -> Self {
        let unpaid = usize::try_from(unpaid).unwrap_or_default();
        let mut progress = Progress { dead, unpaid, ..Progress::default() };
        for (state, count) in counts {
            // A count is never negative.
            let count = usize::try_from(count).unwrap_or_default();
            progress.by_state.insert(state.name(), count);
            match state {
                OrderState::Accepted | OrderState::Reserved | OrderState::Paid | OrderState::Picked => {}
                OrderState::Labelled | OrderState::Ready | OrderState::Despatched | OrderState::Delivered => {
                    progress.past_labels += count;
                }
                // Cancelled and returned orders are finished too.
                OrderState::Completed | OrderState::Cancelled | OrderState::Returned => {
                    progress.completed += count;
                }
            }
        }
        progress
    }

    /// Returns the number of orders that wait for no label any more.
    pub fn past_labels(&self) -> usize {
        self.past_labels + self.ended()
    }

    /// Returns the number of completed orders.
    pub fn completed(&self) -> usize {
        self.completed
    }

    /// Returns the number of finished orders, good or bad.
    pub fn ended(&self) -> usize {
        self.completed + self.dead + self.unpaid
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
