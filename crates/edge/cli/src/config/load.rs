//! Reads the configuration from the operator's file and the environment.

use std::path::Path;

use super::error::ConfigError;
use super::file::Config;
use super::layers;
use super::section::Section;

impl Config {
    /// Reads the layers. `sections` are the workers' own tables. Over stand-ins alone the shop may be the demo's.
    pub(crate) fn load(file: Option<&Path>, sections: &[Section]) -> Result<Self, ConfigError> {
        let mut config = Config::read(file, sections)?;
        if !config.nats_nkey_file.is_empty() {
            config.nats_url = with_seed(&config.nats_url, Path::new(&config.nats_nkey_file))?;
        }
        if config.has_only_stand_ins() {
            config.fill_in_identity();
        }
        Ok(config)
    }

    /// The built-in defaults.
    #[cfg(test)]
    pub(super) fn defaults() -> Self {
        layers::merge(None, std::iter::empty(), &[]).expect("they are a whole configuration")
    }

    fn read(file: Option<&Path>, sections: &[Section]) -> Result<Self, ConfigError> {
        let file = file.map(|path| {
            let text = std::fs::read_to_string(path);
            text.map_err(|error| ConfigError(vec![format!("{}: {error}", path.display())]))
        });
        layers::merge(file.transpose()?.as_deref(), std::env::vars(), sections)
    }
}

/// The servers with an NKey's seed in the place of a user.
fn with_seed(urls: &str, file: &Path) -> Result<String, ConfigError> {
    let wrong = |what: String| ConfigError(vec![format!("nats_nkey_file: {what}")]);
    let seed =
        std::fs::read_to_string(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    let seed = seed.trim();
    if !seed.starts_with("SU") || !seed.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(wrong(format!("{}: expected a user's seed, which begins with SU", file.display())));
    }
    if urls.contains('@') {
        return Err(wrong("nats_url names a user already".to_owned()));
    }
    let with = |url: &str| match url.trim().split_once("://") {
        Some((scheme, server)) => format!("{scheme}://{seed}@{server}"),
        None => format!("nats://{seed}@{}", url.trim()),
    };
    Ok(urls.split(',').map(with).collect::<Vec<_>>().join(","))
}
