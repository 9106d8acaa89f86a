//! Reads the configuration from the operator's file and the environment.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use toml::Value;

use super::file::Config;
use super::key::Key;
use super::layers::Layers;
use super::origin::Origin;
use super::problem::{ConfigError, Problem};
use super::section::Section;
use super::shape::Shape;

/// The largest configuration, in bytes. The annotated defaults are a hundredth of that.
const LIMIT: u64 = 1024 * 1024;

/// A configuration, and what is wrong with it so far. Values that are wrong have their defaults in it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) problems: Vec<Problem>,
    wrong: Vec<Key>,
}

impl Loaded {
    /// Reads the layers. `sections` are the workers' own tables.
    pub(crate) fn read(file: Option<&Path>, sections: &[Section]) -> Result<Self, ConfigError> {
        let name = file.map(|path| path.display().to_string());
        let text = match (file, &name) {
            (Some(path), Some(name)) => {
                let text = read_bounded(path);
                Some(text.map_err(|error| ConfigError::unreadable(name.clone(), &error))?)
            }
            _ => None,
        };
        Loaded::of(name.as_deref(), sections, |layers| {
            if let Some(text) = text {
                layers.lay_file(&text);
            }
            layers.lay_environment(std::env::vars());
        })
    }

    /// The configuration of a running deployment.
    #[cfg(feature = "local")]
    pub(crate) fn running(settings: toml::Table, sections: &[Section]) -> Result<Self, ConfigError> {
        Loaded::of(None, sections, |layers| layers.lay_running(settings))
    }

    pub(super) fn of(
        name: Option<&str>,
        sections: &[Section],
        lay: impl FnOnce(&mut Layers<'_>),
    ) -> Result<Self, ConfigError> {
        let broken = |text: String| ConfigError {
            file: name.map(str::to_owned),
            problems: vec![Problem { at: Origin::Default, key: "program".to_owned(), text }],
        };
        let shape = Shape::new(sections).map_err(broken)?;
        let mut layers = Layers::over_defaults(&shape, name.map(str::to_owned));
        lay(&mut layers);
        let table = layers.merged();
        let mut merged = table.clone();
        let own = sections
            .iter()
            .filter_map(|section| Some((section.name, merged.remove(section.name)?)))
            .collect();
        let config: Config =
            Value::Table(merged).try_into().map_err(|error: toml::de::Error| broken(error.to_string()))?;
        let Layers { origins, problems, wrong, .. } = layers;
        let mut loaded = Loaded { config: Config { own, origins, table, ..config }, problems, wrong };
        loaded.use_seed();
        // Over stand-ins alone the shop may be the demo's.
        if loaded.config.has_only_stand_ins() {
            loaded.config.fill_in_identity();
        }
        Ok(loaded)
    }

    /// Adds what is wrong with a key's value, unless that value is not the operator's.
    pub(crate) fn complain(&mut self, key: &Key, text: String) {
        if !self.wrong.iter().any(|wrong| key.is_in(wrong) || wrong.is_in(key)) {
            self.problems.push(self.config.problem(key, text));
        }
    }

    /// The configuration, or everything that is wrong with it.
    pub(crate) fn checked(self) -> Result<Config, ConfigError> {
        let Loaded { config, problems, .. } = self;
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError { file: config.origins.file, problems })
    }

    /// Puts an NKey's seed in the place of a user.
    fn use_seed(&mut self) {
        let file = &self.config.nats_nkey_file;
        if file.is_empty() {
            return;
        }
        match with_seed(&self.config.nats_url, Path::new(file)) {
            Ok(url) => self.config.nats_url = url,
            Err(text) => self.complain(&Key::parse("nats_nkey_file"), text),
        }
    }
}

/// Reads a file that is small if it is what it should be. A device or a large file that was named by mistake does not
/// fill the memory.
fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("expected at most {} KiB, found more", LIMIT / 1024)));
    }
    Ok(text)
}

#[cfg(test)]
impl Config {
    /// The built-in defaults.
    pub(super) fn defaults() -> Self {
        Loaded::of(None, &[], |_| {}).and_then(Loaded::checked).expect("they are a whole configuration")
    }
}

/// The servers with an NKey's seed in the place of a user.
fn with_seed(urls: &str, file: &Path) -> Result<String, String> {
    let seed = read_bounded(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let seed = seed.trim();
    if !seed.starts_with("SU") || !seed.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("{}: expected a user's seed, which begins with SU", file.display()));
    }
    if urls.contains('@') {
        return Err("nats_url names a user already; one of the two is enough".to_owned());
    }
    let with = |url: &str| match url.trim().split_once("://") {
        Some((scheme, server)) => format!("{scheme}://{seed}@{server}"),
        None => format!("nats://{seed}@{}", url.trim()),
    };
    Ok(urls.split(',').map(with).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_refused() {
        let text = Loaded::read(Some(Path::new("/dev/zero")), &[]).unwrap_err().to_string();
        assert!(
            text.contains("/dev/zero") && text.contains("expected at most 1024 KiB, found more"),
            "{text}"
        );
    }

    #[test]
    fn the_largest_file_is_read_and_no_larger_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let comment = |length: u64| "#".repeat(usize::try_from(length).unwrap());
        std::fs::write(file.path(), comment(LIMIT)).unwrap();
        assert!(Loaded::read(Some(file.path()), &[]).is_ok());
        std::fs::write(file.path(), comment(LIMIT + 1)).unwrap();
        assert!(Loaded::read(Some(file.path()), &[]).is_err());
    }
}
