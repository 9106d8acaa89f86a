//! One of a stack's two servers: private, or one that existed before.

use crate::error::StackError;
use crate::supervised::Supervised;

pub(crate) enum Server {
    /// Named by a URL in the options; never stopped by the stack.
    Given(String),
    /// Started by the stack, and ended with it.
    Ours { url: String, process: Supervised },
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Given(url) | Self::Ours { url, .. } => url,
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Given(_) => None,
            Self::Ours { process, .. } => process.pid(),
        }
    }

    pub(crate) async fn stop(mut self) -> Result<(), StackError> {
        self.end().await?;
        Ok(())
    }

    /// Ends the server if it is private, and returns whether it is. Its URL remains.
    pub(crate) async fn end(&mut self) -> Result<bool, StackError> {
        let remains = Self::Given(self.url().to_owned());
        match std::mem::replace(self, remains) {
            Self::Given(_) => Ok(false),
            Self::Ours { process, .. } => process.stop().await.map(|()| true),
        }
    }
}
