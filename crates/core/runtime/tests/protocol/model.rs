//! The protocol as states and steps, for the checker.

use stateright::{Model, Property};

use crate::ablations::Ablation;
use crate::step::{Faults, Step};
use crate::world::World;

/// The protocol, perhaps without one protection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) without: Ablation,
    pub(crate) faults: Faults,
}
impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::accepted(self.faults)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.protocol_steps(self.without, steps);
        world.faults(steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step, self.without);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::of(self.faults)
    }
}
