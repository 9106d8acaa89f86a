//! Watches all the time that no process ends by itself.

use despatch_scenario::Discrepancy;

use crate::deployment::Deployment;
use crate::fleet::FLEET;
use crate::result::Result;

/// Violations during the run.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) violations: Vec<Discrepancy>,
}

impl Watch {
    /// Points the proxy to a gateway that was started again. Restarts a process that ended without being killed, which
    /// is a violation.
    pub(crate) fn check(&mut self, deployment: &mut Deployment) -> Result {
        deployment.follow_gateway();
        for (place, status) in deployment.fleet.ended()? {
            let about = format!("{}-{place}", FLEET[place]);
            self.violations.push(Discrepancy { about, wrong: format!("ended by itself: {status}") });
            deployment.fleet.start(place, 0)?;
        }
        Ok(())
    }
}
