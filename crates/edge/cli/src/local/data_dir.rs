//! The data directory, and where the deployment that runs in it can be reached.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::args::DEFAULT_DIR;

/// A local deployment's directory, by default `.despatch`.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// Where a running deployment can be reached, for the commands that talk to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) gateway_url: String,
    pub(crate) api_key: String,
    pub(crate) nats_url: String,
    pub(crate) database_url: String,
    /// The sandbox's Stripe, when no real one is configured.
    pub(crate) sandbox_stripe_url: Option<String>,
}

impl DataDir {
    pub(crate) fn new(path: &Path) -> Self {
        DataDir(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The option that names this directory on a command line, with a space before it; nothing for the default one.
    pub(crate) fn option(&self) -> String {
        if self.0 == Path::new(DEFAULT_DIR) {
            String::new()
        } else {
            format!(" --data-dir {}", self.0.display())
        }
    }

    /// The file that says where the deployment can be reached.
    pub(crate) fn address_file(&self) -> PathBuf {
        self.0.join("address.json")
    }

    /// The log of `despatch up`.
    #[cfg(feature = "local")]
    pub(crate) fn log_file(&self) -> PathBuf {
        self.0.join("up.log")
    }

    /// Where the deployment is, or was when it last ran.
    pub(crate) fn address(&self) -> Option<Address> {
        serde_json::from_str(&std::fs::read_to_string(self.address_file()).ok()?).ok()
    }
}
