//! The active faults, and the attempts at each entity.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// Every request so far, if they are recorded.
    requests: Option<Vec<Request>>,
}

/// A request that a stand-in received.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// When it was received.
    pub at: Instant,
    /// The fault that hit it, if any.
    pub fault: Option<Fault>,
}

impl State {
    /// Returns the fault that hits a request.
    fn next_fault(&mut self, operation: Operation, entity: &str, order: &str) -> Option<Fault> {
        if let Some(at) = self.targets.iter().position(|target| target.hits(operation, order)) {
            let target = &mut self.targets[at];
            target.times = target.times.saturating_sub(1);
            let fault = target.fault;
            if target.times == 0 {
                self.targets.remove(at);
            }
            return Some(fault);
        }
        if self.faults.rates.is_empty() {
            return None;
        }
        let attempt = self.attempts.next(operation, entity);
        self.faults.draw(operation, entity, attempt)
    }
}

impl FaultInjector {
    /// Reads the attempts of earlier runs from `dir`. Without a `dir` they are counted in memory.
    pub(crate) fn open(dir: Option<&Path>, faults: Faults) -> Result<Self, SandboxError> {
        faults.check()?;
        let attempts = Attempts::open(dir)?;
        Ok(Self(Mutex::new(State { faults, attempts, targets: Vec::new(), requests: None })))
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
        let fault = state.next_fault(operation, entity, order);
        if let Some(requests) = &mut state.requests {
            requests.push(Request { operation, at: Instant::now(), fault });
        }
        fault
    }

    /// Records requests from now on.
    pub(crate) fn record(&self) {
        self.state().requests = Some(Vec::new());
    }

    /// Returns the recorded requests, oldest first.
    pub(crate) fn recorded(&self) -> Vec<Request> {
        self.state().requests.clone().unwrap_or_default()
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
