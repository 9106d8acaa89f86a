//! The data directory: the secrets that are generated once, and where the running site can be reached.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A site's directory, `.despatch` unless said otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

/// Secrets of a site that nobody configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) link_secret: String,
    pub(crate) api_key: String,
    pub(crate) shippo_token: String,
}

/// Where a running site can be reached, for the commands that talk to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) gateway_url: String,
    pub(crate) api_key: String,
    pub(crate) nats_url: String,
    pub(crate) database_url: String,
    /// The sandbox's Stripe, when the site has no real one.
    pub(crate) sandbox_stripe_url: Option<String>,
}

impl Home {
    pub(crate) fn new(path: &Path) -> Self {
        Home(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The site's secrets, generated when it has none.
    pub(crate) fn secrets(&self) -> std::io::Result<Secrets> {
        let path = self.0.join("secrets.json");
        if let Ok(text) = std::fs::read_to_string(&path) {
            return Ok(serde_json::from_str(&text)?);
        }
        // 244 random bits each.
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let secrets = Secrets { link_secret: random(), api_key: random(), shippo_token: random() };
        self.write(&path, &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// Says where the site is.
    pub(crate) fn announce(&self, address: &Address) -> std::io::Result<()> {
        self.write(&self.0.join("address.json"), &serde_json::to_vec_pretty(address)?)
    }

    /// Where the site is, or was when it last ran.
    pub(crate) fn address(&self) -> Option<Address> {
        serde_json::from_str(&std::fs::read_to_string(self.0.join("address.json")).ok()?).ok()
    }

    /// Written beside and renamed, so that nobody ever reads half a file; for the owner's eyes only.
    fn write(&self, path: &Path, contents: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(contents)?;
        std::fs::rename(beside, path)
    }
}
