//! Probes of a server, and their findings.

use std::pin::Pin;
use std::sync::Arc;

/// Why a server did not do what a probe asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It answers, and refuses. It works, and a restart would not help.
    #[error("{0}")]
    Refused(String),
    /// It does not answer as it should, and only a restart may help.
    #[error("{0}")]
    Silent(String),
}

/// The future of a probe.
pub type Probing = Pin<Box<dyn Future<Output = Result<(), ProbeError>> + Send>>;

/// Asks the server at a URL to store something.
pub type Probe = Arc<dyn Fn(String) -> Probing + Send + Sync>;
