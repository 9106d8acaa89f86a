//! The schedule: drawn before anything starts, from the seed alone.

use std::time::Duration;

use despatch_scenario::Rng;

use crate::fault::{Fault, Kind};

/// A fault, and the pause before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) pause: Duration,
    pub(crate) kind: Kind,
    pub(crate) fault: Fault,
}

/// Draws `count` faults of these kinds. Other kinds are drawn and skipped, so that a schedule without some kinds is the
/// whole one without their faults. So a failure can be bisected.
pub(crate) fn draw(seed: u64, count: usize, kinds: &[Kind]) -> Vec<Step> {
    let all: Vec<Kind> = Kind::all().collect();
    let mut rng = Rng::new(seed);
    let mut steps = Vec::with_capacity(count);
    while steps.len() < count {
        let pause = rng.millis(0..=4_000);
        let kind = all[rng.below(all.len())];
        let fault = Fault::draw(kind, &mut rng);
        if kinds.contains(&kind) {
            steps.push(Step { pause, kind, fault });
        }
    }
    steps
}
