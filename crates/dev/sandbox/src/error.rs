//! What can keep a sandbox from starting. Once it runs, trouble is answered on the wire.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a sandbox did not start, or refused a setting.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A port could not be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for; port 0 is any free one.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of the state directory could not be opened, read or shortened.
    #[error("cannot use the sandbox state {}: {source}", path.display())]
    State {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another sandbox runs on the same state directory.
    #[error("another sandbox is using {}", path.display())]
    InUse {
        /// The file it holds.
        path: PathBuf,
    },
    /// A whole line of the state cannot be read back. A torn last line is no error: it was never answered.
    #[error("the sandbox state {} is damaged at byte {offset}: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The gateway's address is not an `http://` URL. The sandbox posts webhooks over loopback, without TLS.
    #[error("{url:?} is no http:// address to send tracking webhooks to")]
    WebhookTarget {
        /// The address as given.
        url: String,
    },
    /// A fault probability is not within 0 and 1, or the probabilities of one operation add up to more than 1.
    #[error("the fault rates of {operation:?} are not probabilities that add up to at most 1")]
    Rates {
        /// The operation they were given for.
        operation: crate::operation::Operation,
    },
}
