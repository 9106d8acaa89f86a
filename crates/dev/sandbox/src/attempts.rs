//! The number of attempts at each entity, across restarts.
//!
//! A fault is drawn from the attempt. If a restart counted from 0 again, the fault that hit a request would hit its
//! next try too, and after every further restart.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::error::SandboxError;
use crate::log::Log;
use crate::operation::Operation;

/// One line of the log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    /// A request for this operation on this entity.
    Attempt(Operation, std::borrow::Cow<'a, str>),
    /// Counting began at 0 again.
    Forget,
}

pub(crate) struct Attempts {
    /// Attempts so far by the digest of (operation, entity).
    counts: HashMap<u128, u32>,
    /// `None` if nothing must outlive the process.
    log: Option<Log>,
}

impl Attempts {
    pub(crate) fn open(dir: Option<&Path>) -> Result<Self, SandboxError> {
        let mut attempts = Self { counts: HashMap::new(), log: None };
        if dir.is_some() {
            let mut log = Log::open(dir, "attempts.jsonl")?;
            log.replay(|line: Line<'static>, _| match line {
                Line::Attempt(operation, entity) => {
                    attempts.count(operation, &entity);
                }
                Line::Forget => attempts.counts.clear(),
            })?;
            attempts.log = Some(log);
        }
        Ok(attempts)
    }

    /// Counts an attempt, and returns how many there were before it.
    pub(crate) fn next(&mut self, operation: Operation, entity: &str) -> u32 {
        self.write(&Line::Attempt(operation, entity.into()));
        self.count(operation, entity)
    }

    /// Counts from 0 again.
    pub(crate) fn forget(&mut self) {
        self.write(&Line::Forget);
        self.counts.clear();
    }

    fn count(&mut self, operation: Operation, entity: &str) -> u32 {
        let counter = self.counts.entry(digest::wide(&[&[operation as u8], entity.as_bytes()]));
        *counter.and_modify(|count| *count += 1).or_insert(0)
    }

    fn write(&mut self, line: &Line<'_>) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.append_json(line)
        {
            tracing::error!(%error, "sandbox state write failed");
        }
    }
}
