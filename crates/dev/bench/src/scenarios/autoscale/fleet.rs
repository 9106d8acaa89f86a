//! The processes of one worker while it is scaled. They start and leave beside the loop that decides their number.

use despatch_runtime::Settings;
use tokio::task::JoinSet;

use crate::load::worker_process::{Role, Running};
use crate::result::Result;

pub(crate) struct Fleet {
    settings: Settings,
    role: Role,
    starting: JoinSet<Result<Running>>,
    working: Vec<Running>,
    leaving: JoinSet<Result>,
}

impl Fleet {
    /// Starts this many processes, and returns once all consume.
    pub(crate) async fn start(settings: &Settings, role: Role, processes: usize) -> Result<Self> {
        let mut fleet = Fleet {
            settings: settings.clone(),
            role,
            starting: JoinSet::new(),
            working: Vec::new(),
            leaving: JoinSet::new(),
        };
        fleet.scale(processes);
        while let Some(started) = fleet.starting.join_next().await {
            fleet.working.push(started??);
        }
        Ok(fleet)
    }

    /// Returns the number of processes, whether or not they consume yet, without those that leave. Kubernetes counts in
    /// this way.
    pub(crate) fn processes(&self) -> usize {
        self.starting.len() + self.working.len()
    }

    /// Returns the number of processes that take messages.
    pub(crate) fn working(&self) -> usize {
        self.working.len()
    }

    /// Starts missing processes, or lets the youngest leave if there are too many.
    pub(crate) fn scale(&mut self, processes: usize) {
        while self.processes() < processes {
            let (settings, role) = (self.settings.clone(), self.role);
            self.starting.spawn(async move { Running::start(settings, role, None).await });
        }
        // A later decision ends a process that is still starting.
        while self.processes() > processes
            && let Some(youngest) = self.working.pop()
        {
            self.leaving.spawn(youngest.stop());
        }
    }

    /// Collects the processes that have started or left since.
    pub(crate) fn poll(&mut self) -> Result {
        while let Some(started) = self.starting.try_join_next() {
            self.working.push(started??);
        }
        while let Some(left) = self.leaving.try_join_next() {
            left??;
        }
        Ok(())
    }

    /// Drains all, and waits until they are gone.
    pub(crate) async fn stop(mut self) -> Result {
        while let Some(started) = self.starting.join_next().await {
            self.working.push(started??);
        }
        self.scale(0);
        while let Some(left) = self.leaving.join_next().await {
            left??;
        }
        Ok(())
    }
}
