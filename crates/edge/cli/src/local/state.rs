//! What a local deployment writes into its data directory: the secrets that are generated once, and its address.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::data_dir::{Address, DataDir};
use crate::result::Result;

/// Secrets that nobody configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) link_secret: String,
    pub(crate) api_key: String,
    pub(crate) shippo_token: String,
}

impl DataDir {
    /// The deployment's secrets, generated when it has none.
    pub(crate) fn secrets(&self) -> std::io::Result<Secrets> {
        let path = self.path().join("secrets.json");
        if let Ok(text) = std::fs::read_to_string(&path) {
            return Ok(serde_json::from_str(&text)?);
        }
        // 244 random bits each.
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let secrets = Secrets { link_secret: random(), api_key: random(), shippo_token: random() };
        self.write(&path, &serde_json::to_vec_pretty(&secrets)?)?;
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
        Ok(self.write(&self.settings_file(), toml::to_string(settings)?.as_bytes())?)
    }

    fn settings_file(&self) -> PathBuf {
        self.path().join("settings.toml")
    }

    /// Says where the deployment is.
    pub(crate) fn announce(&self, address: &Address) -> std::io::Result<()> {
        self.write(&self.address_file(), &serde_json::to_vec_pretty(address)?)
    }

    /// Writes a file of the owner's alone. It is written beside and renamed, because nobody may ever read half of it.
    fn write(&self, path: &Path, contents: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(self.path())?;
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(contents)?;
        std::fs::rename(beside, path)
    }
}
