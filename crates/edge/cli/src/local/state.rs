//! The files that a local deployment writes into its data directory: the secrets that are generated once, and its address.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use despatch_runtime::error_chain;
use despatch_stack::{DataDirLock, StackError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::data_dir::{Address, DataDir};
use crate::result::{Result, hinted};

/// The hint where the directory cannot be used.
const ELSEWHERE: &str = "use a directory that you may write to: --data-dir DIR, or DESPATCH_DATA_DIR";

/// Secrets that nobody configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) link_secret: String,
    pub(crate) api_key: String,
    pub(crate) shippo_token: String,
}

impl DataDir {
    /// Locks the directory for this process, which creates it if need be.
    pub(crate) async fn lock(&self) -> Result<DataDirLock> {
        let dir = self.path().display();
        if self.path().is_file() {
            return Err(hinted(format!("{dir} is a file, not a directory"), ELSEWHERE));
        }
        DataDirLock::take(self.path()).await.map_err(|error| match error {
            StackError::Owned { pid, .. } => {
                let owner = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                let stop = format!("`despatch stop{}` stops it\nor {ELSEWHERE}", self.option());
                hinted(format!("{dir} is in use by {owner}"), stop)
            }
            StackError::Io { .. } => hinted(error_chain(&error), ELSEWHERE),
            error => error.into(),
        })
    }

    /// The deployment's secrets, generated when it has none.
    pub(crate) fn secrets(&self) -> Result<Secrets> {
        let path = self.path().join("secrets.json");
        if let Ok(text) = std::fs::read_to_string(&path) {
            return Ok(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?);
        }
        // 244 random bits each.
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let secrets = Secrets { link_secret: random(), api_key: random(), shippo_token: random() };
        DataDir::write(&path, &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// The settings of the deployment that runs here, or ran last; `None` before the first.
    pub(crate) fn settings(&self) -> Result<Option<toml::Table>> {
        match std::fs::read_to_string(self.settings_file()) {
            Ok(text) => Ok(Some(text.parse()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.settings_file().display()).into()),
        }
    }

    /// Says what the deployment runs with, for the commands that examine it.
    pub(crate) fn keep_settings(&self, settings: &toml::Table) -> Result {
        DataDir::write(&self.settings_file(), toml::to_string(settings)?.as_bytes())
    }

    fn settings_file(&self) -> PathBuf {
        self.path().join("settings.toml")
    }

    /// Says where the deployment is.
    pub(crate) fn announce(&self, address: &Address) -> Result {
        DataDir::write(&self.address_file(), &serde_json::to_vec_pretty(address)?)
    }

    /// Writes a file of the owner's alone. It is written beside and renamed, because nobody may ever read half of it.
    fn write(path: &Path, contents: &[u8]) -> Result {
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside);
        let written =
            file.and_then(|mut file| file.write_all(contents)).and_then(|()| std::fs::rename(beside, path));
        written.map_err(|error| hinted(format!("{} cannot be written: {error}", path.display()), ELSEWHERE))
    }
}
