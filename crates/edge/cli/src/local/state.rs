//! The files that a local deployment writes into its data directory: the secrets that are generated once, and its address.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use despatch_domain::link::check_secret;
use despatch_runtime::error_chain;
use despatch_stack::{DataDirLock, StackError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::data_dir::{Address, DataDir, unreadable};
use super::server_state::ServerStates;
use crate::result::{Result, hinted};

/// The hint where the directory cannot be used.
const ELSEWHERE: &str = "use a directory that you may write to: --data-dir DIR, or DESPATCH_DATA_DIR";

/// Secrets that nobody configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) link_secret: String,
    pub(crate) api_key: String,
    pub(crate) shippo_token: String,
    pub(crate) stripe_secret: String,
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

    /// The deployment's secrets. A directory that has not been used gets new ones; one that has lost its own does not,
    /// because the links in mails that are out would stop working.
    pub(crate) fn secrets(&self) -> Result<Secrets> {
        let path = self.secrets_file();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !self.is_used() => {
                return self.new_secrets();
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.without_secrets("found nothing, though orders were taken here before"));
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let secrets: Secrets =
            serde_json::from_str(&text).map_err(|error| self.without_secrets(&error.to_string()))?;
        check_secret(secrets.link_secret.as_bytes())
            .map_err(|error| self.without_secrets(&format!("link_secret: {error}")))?;
        Ok(secrets)
    }

    /// Makes new secrets, in place of any that there are.
    pub(crate) fn new_secrets(&self) -> Result<Secrets> {
        // 244 random bits each.
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let secrets = Secrets {
            link_secret: random(),
            api_key: random(),
            shippo_token: random(),
            stripe_secret: random(),
        };
        DataDir::write(&self.secrets_file(), &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }

    fn without_secrets(&self, found: &str) -> Box<dyn Error + Send + Sync> {
        hinted(
            format!(
                "{}: expected the secrets of this deployment (link_secret, api_key, shippo_token, stripe_secret): {found}",
                self.secrets_file().display()
            ),
            format!(
                "put the file back from a backup\n\
                 or `despatch up{} --new-secrets`: links in mails that are out stop working, and there is a new API key",
                self.option()
            ),
        )
    }

    fn secrets_file(&self) -> PathBuf {
        self.path().join("secrets.json")
    }

    /// Whether a deployment has run here: only one that has its secrets writes its settings or starts servers.
    fn is_used(&self) -> bool {
        ["settings.toml", "address.json", "postgres", "nats"]
            .iter()
            .any(|name| self.path().join(name).exists())
    }

    /// Says how the private servers are, for the commands that tell it.
    pub(crate) fn keep_servers(&self, servers: &ServerStates) -> Result {
        DataDir::write(&self.path().join("servers.json"), &serde_json::to_vec_pretty(servers)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(data_dir: &DataDir) -> String {
        data_dir.secrets().unwrap_err().to_string()
    }

    #[test]
    fn secrets_are_made_once_and_never_replaced_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(dir.path());
        let first = data_dir.secrets().unwrap();
        assert_eq!(data_dir.secrets().unwrap().link_secret, first.link_secret);

        // Nothing has run here yet, so nobody has a link.
        std::fs::remove_file(data_dir.secrets_file()).unwrap();
        let second = data_dir.secrets().unwrap();
        assert_ne!(second.link_secret, first.link_secret);

        data_dir.keep_settings(&toml::Table::new()).unwrap();
        std::fs::remove_file(data_dir.secrets_file()).unwrap();
        let refused = refusal(&data_dir);
        assert!(refused.contains("secrets.json: expected the secrets") && refused.contains("found nothing"));
        assert!(!data_dir.secrets_file().exists());
        data_dir.new_secrets().unwrap();
        data_dir.secrets().unwrap();
    }

    #[test]
    fn secrets_that_are_not_whole_are_refused_with_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(dir.path());
        data_dir.secrets().unwrap();
        let whole = std::fs::read_to_string(data_dir.secrets_file()).unwrap();
        let short = r#"{"link_secret":"a","api_key":"b","shippo_token":"c"}"#;
        for half in ["", "{", &whole[..whole.len() / 2], short] {
            std::fs::write(data_dir.secrets_file(), half).unwrap();
            assert!(refusal(&data_dir).contains("secrets.json: expected the secrets"), "{half}");
            assert_eq!(std::fs::read_to_string(data_dir.secrets_file()).unwrap(), half, "it stays");
        }
    }
}
