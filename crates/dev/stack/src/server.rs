//! One of a stack's two servers: ours, or one that existed before.

use crate::error::StackError;
use crate::supervised::Supervised;

pub(crate) enum Server {
    /// Named by a URL in the options; never stopped by us.
    Given(String),
    /// Started by us, and ended with us.
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

    /// Ends the server if it is ours, and says whether it is. What remains is its URL.
    pub(crate) async fn end(&mut self) -> Result<bool, StackError> {
        let remains = Self::Given(self.url().to_owned());
        match std::mem::replace(self, remains) {
            Self::Given(_) => Ok(false),
            Self::Ours { process, .. } => process.stop().await.map(|()| true),
        }
    }
}
