//! Errors at the start of a sandbox. Once it runs, it reports errors on the wire.

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
        /// The operating system's error.
        source: io::Error,
    },
    /// A file of the state directory could not be opened, read or shortened.
    #[error("cannot use the sandbox state {}: {source}", path.display())]
    State {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Another sandbox runs on the same state directory.
    #[error("another sandbox is using {}", path.display())]
    InUse {
        /// The locked file.
        path: PathBuf,
    },
    /// A complete line of the state cannot be parsed. A torn last line is not an error, because it was never answered.
    #[error("the sandbox state {} is damaged at byte {offset}: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The offset of the line.
        offset: u64,
        /// The parser's error.
        source: serde_json::Error,
    },
    /// The gateway's address is not an `http://` URL. The sandbox posts webhooks over loopback, without TLS.
    #[error("gateway URL: expected an http:// address, found {url:?}")]
    WebhookTarget {
        /// The address as given.
        url: String,
    },
    /// A fault probability is not within 0 and 1, or the probabilities of one operation add up to more than 1.
    #[error("fault rates of {operation:?}: expected probabilities that add up to at most 1, found others")]
    Rates {
        /// The operation they were given for.
        operation: crate::operation::Operation,
    },
}
