//! The active faults, and the attempts at each entity.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::attempts::Attempts;
use crate::error::SandboxError;
use crate::faults::{Fault, Faults, Target};
use crate::operation::Operation;

/// Decides for each request whether a fault hits it. All providers share it.
pub(crate) struct FaultInjector(Mutex<State>);

struct State {
    faults: Faults,
    /// Counted only while there are rates to draw from.
    attempts: Attempts,
    targets: Vec<Target>,
}

impl FaultInjector {
    /// Reads the attempts of earlier runs from `dir`. Without a `dir` they are counted in memory.
    pub(crate) fn open(dir: Option<&Path>, faults: Faults) -> Result<Self, SandboxError> {
        faults.check()?;
        Ok(Self(Mutex::new(State { faults, attempts: Attempts::open(dir)?, targets: Vec::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the rates, and counts attempts from 0 again so that the run repeats.
    pub(crate) fn set(&self, faults: Faults) -> Result<(), SandboxError> {
        faults.check()?;
        let mut state = self.state();
        state.faults = faults;
        state.attempts.forget();
        Ok(())
    }

    pub(crate) fn faults(&self) -> Faults {
        self.state().faults.clone()
    }

    /// Makes the next requests about one order, or of all, meet a fault.
    pub(crate) fn target(&self, target: Target) {
        self.state().targets.push(target);
    }

    /// Returns the fault that hits this request, which counts as an attempt. `entity` is what the request is about
    /// within `order`: the order itself, a parcel, a mail.
    pub(crate) fn next_fault(&self, operation: Operation, entity: &str, order: &str) -> Option<Fault> {
        let mut state = self.state();
        if let Some(at) = state.targets.iter().position(|target| target.hits(operation, order)) {
            let target = &mut state.targets[at];
            target.times = target.times.saturating_sub(1);
            let fault = target.fault;
            if target.times == 0 {
                state.targets.remove(at);
            }
            return Some(fault);
        }
        if state.faults.rates.is_empty() {
            return None;
        }
        let attempt = state.attempts.next(operation, entity);
        state.faults.draw(operation, entity, attempt)
    }

    pub(crate) fn slow(&self) -> Duration {
        self.state().faults.slow()
    }

    pub(crate) fn withhold(&self) -> Duration {
        self.state().faults.withhold()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_hits_its_order_as_often_as_it_says_and_no_other() {
        let injector = FaultInjector::open(None, Faults::none()).unwrap();
        injector.target(Target {
            operation: Operation::Capture,
            order: "a".into(),
            fault: Fault::Timeout,
            times: 2,
        });
        assert_eq!(injector.next_fault(Operation::Refund, "a", "a"), None);
        assert_eq!(injector.next_fault(Operation::Capture, "b", "b"), None);
        assert_eq!(injector.next_fault(Operation::Capture, "a", "a"), Some(Fault::Timeout));
        assert_eq!(injector.next_fault(Operation::Capture, "a", "a"), Some(Fault::Timeout));
        assert_eq!(injector.next_fault(Operation::Capture, "a", "a"), None);
    }

    #[test]
    fn a_target_without_an_order_hits_whichever_comes_next() {
        let injector = FaultInjector::open(None, Faults::none()).unwrap();
        injector.target(Target {
            operation: Operation::Label,
            order: String::new(),
            fault: Fault::Decline,
            times: 1,
        });
        assert_eq!(injector.next_fault(Operation::Capture, "a", "a"), None);
        assert_eq!(injector.next_fault(Operation::Label, "a/1", "a"), Some(Fault::Decline));
        assert_eq!(injector.next_fault(Operation::Label, "b/1", "b"), None);
    }

    #[test]
    fn a_run_repeats_whatever_the_order_of_requests() {
        let forward = FaultInjector::open(None, Faults::seeded(7)).unwrap();
        let backward = FaultInjector::open(None, Faults::seeded(7)).unwrap();
        let next_fault =
            |injector: &FaultInjector, n: u32| injector.next_fault(Operation::Label, &format!("o/{n}"), "o");
        let first: Vec<_> = (0..300).map(|n| next_fault(&forward, n)).collect();
        let mut second: Vec<_> = (0..300).rev().map(|n| next_fault(&backward, n)).collect();
        second.reverse();
        assert_eq!(first, second);
        let again: Vec<_> = (0..300).map(|n| next_fault(&forward, n)).collect();
        assert_ne!(first, again, "a second attempt is another draw");
    }
}
