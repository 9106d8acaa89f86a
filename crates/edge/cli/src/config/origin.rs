//! Where each value of a configuration comes from.

use std::collections::BTreeMap;

use super::key::Key;

/// Where a value comes from, the strongest last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Line of the operator's file.
    File(usize),
    /// Environment variable.
    Variable(String),
    /// The deployment that runs in the data directory.
    #[cfg_attr(not(feature = "local"), allow(dead_code, reason = "only `up` and `demo` run one"))]
    Running,
    /// Nobody set it.
    Default,
}

/// Where the values of one configuration come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// The operator's file, as it was named.
    pub(crate) file: Option<String>,
    set: BTreeMap<Key, Origin>,
}

impl Origins {
    /// Of the values of this file, as far as there is one.
    pub(crate) fn new(file: Option<String>) -> Self {
        Origins { file, set: BTreeMap::new() }
    }

    /// Notes where a value comes from.
    pub(crate) fn note(&mut self, key: Key, origin: Origin) {
        self.set.insert(key, origin);
    }

    /// Where a value comes from.
    pub(crate) fn of(&self, key: &Key) -> Origin {
        self.set.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The keys whose values are the operator's.
    pub(crate) fn operators(&self) -> impl Iterator<Item = &Key> {
        self.set
            .iter()
            .filter(|(_, origin)| matches!(origin, Origin::File(_) | Origin::Variable(_)))
            .map(|(key, _)| key)
    }

    /// Whether any value is of a deployment that runs here.
    pub(crate) fn is_running(&self) -> bool {
        self.set.values().any(|origin| *origin == Origin::Running)
    }

    /// Where to look for a value: where it is, or where the entry is that lacks it.
    pub(crate) fn nearest(&self, key: &Key) -> Origin {
        let mut key = Some(key.clone());
        while let Some(here) = key {
            if let Some(origin) = self.set.get(&here) {
                return origin.clone();
            }
            key = here.parent();
        }
        Origin::Default
    }
}
