//! One of a stack's two servers: private, or one that existed before.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::error::StackError;
use crate::supervised::Supervised;

pub(crate) enum Server {
    /// Named by a URL in the options; never stopped by the stack.
    Given(String),
    /// The stack's own, which ends with it.
    Ours(Private),
}

/// A server that the stack started.
pub(crate) struct Private {
    pub(crate) url: String,
    /// `None` after it was ended and before it is started again.
    pub(crate) process: Option<Supervised>,
    /// Where this start put a store that could not be read.
    pub(crate) set_aside: Option<PathBuf>,
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Given(url) | Self::Ours(Private { url, .. }) => url,
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Given(_) => None,
            Self::Ours(server) => server.process.as_ref()?.pid(),
        }
    }

    pub(crate) fn set_aside(&self) -> Option<&Path> {
        match self {
            Self::Given(_) => None,
            Self::Ours(server) => server.set_aside.as_deref(),
        }
    }

    /// Stops the server in order if it is private, and returns whether it is. Its URL remains.
    pub(crate) async fn stop(&mut self) -> Result<bool, StackError> {
        let Self::Ours(server) = self else { return Ok(false) };
        if let Some(process) = server.process.take() {
            process.stop().await?;
        }
        Ok(true)
    }
}

impl Private {
    /// Returns how the server ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, StackError> {
        self.process.as_mut().map_or(Ok(None), Supervised::ended)
    }

    /// Ends what is left of a server that may no longer obey.
    pub(crate) async fn end(&mut self, limit: Duration) -> Result<(), StackError> {
        match self.process.take() {
            Some(process) => process.end(limit).await,
            None => Ok(()),
        }
    }
}
