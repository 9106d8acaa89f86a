//! The data directory, and where the deployment that runs in it can be reached.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::args::DEFAULT_DIR;
use crate::result::{Result, hinted};

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

    /// Where the deployment is, or was when it last ran. Fails if that cannot be read.
    pub(crate) fn address(&self) -> Result<Option<Address>> {
        read_json(&self.address_file())
    }
}

/// The value of a file of a data directory; `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    let value = serde_json::from_str(&text);
    value.map(Some).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The error of a file of a data directory that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Box<dyn Error + Send + Sync> {
    let hint = if error.kind() == ErrorKind::PermissionDenied {
        "run the command as the user who started despatch, or name another directory: --data-dir DIR"
    } else {
        "name another directory: --data-dir DIR"
    };
    hinted(format!("{}: {error}", path.display()), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_read_is_no_missing_one() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(dir.path());
        assert!(data_dir.address().unwrap().is_none());
        // No user may read a directory as a file.
        std::fs::create_dir(data_dir.address_file()).unwrap();
        let error = data_dir.address().unwrap_err().to_string();
        assert!(error.starts_with(&data_dir.address_file().display().to_string()), "{error}");
        std::fs::remove_dir(data_dir.address_file()).unwrap();
        std::fs::write(data_dir.address_file(), "{").unwrap();
        data_dir.address().unwrap_err();
    }
}
