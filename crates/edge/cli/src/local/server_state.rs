//! How the private servers of a data directory are, for the commands that tell it: the file `servers.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::data_dir::{DataDir, read_json};
use crate::result::Result;

/// Each private server, by its name.
pub(crate) type ServerStates = BTreeMap<String, ServerState>;

/// How a private server is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerState {
    /// Why it does not serve; `None` while it does.
    pub(crate) fault: Option<String>,
    /// How often it was restarted since the deployment was started.
    pub(crate) restarts: u32,
    /// The latest restart: when, and why.
    pub(crate) last: Option<(Timestamp, String)>,
    /// Where a store is kept that could not be read.
    pub(crate) store_set_aside: Option<PathBuf>,
}

impl DataDir {
    /// The servers of the deployment that runs here, or ran last; empty before the first.
    pub(crate) fn servers(&self) -> Result<ServerStates> {
        Ok(read_json(&self.path().join("servers.json"))?.unwrap_or_default())
    }
}

impl ServerState {
    /// A line about it; `None` if there is nothing to tell.
    pub(crate) fn line(&self, name: &str) -> Option<String> {
        if let Some(fault) = &self.fault {
            return Some(format!("{name} does not serve: {fault}"));
        }
        if let Some(aside) = &self.store_set_aside {
            return Some(format!("{name} could not read its store, which is kept as {}", aside.display()));
        }
        let (at, why) = self.last.as_ref()?;
        let times = if self.restarts == 1 { "once".to_owned() } else { format!("{} times", self.restarts) };
        let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
        Some(format!("{name} was restarted {times}, last at {at}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_is_not_usual() {
        let mut state = ServerState::default();
        assert_eq!(state.line("NATS"), None);
        state.restarts = 2;
        state.last = Some((Timestamp::UNIX_EPOCH, "it ended (signal 9)".into()));
        let line = state.line("NATS").unwrap();
        assert!(
            line.starts_with("NATS was restarted 2 times, last at ")
                && line.ends_with(": it ended (signal 9)")
        );
        state.store_set_aside = Some("nats/aside".into());
        assert_eq!(state.line("NATS").unwrap(), "NATS could not read its store, which is kept as nats/aside");
        state.fault = Some("no room".into());
        assert_eq!(state.line("NATS").unwrap(), "NATS does not serve: no room");
    }
}
