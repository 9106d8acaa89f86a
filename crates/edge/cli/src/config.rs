//! The configuration: the annotated default file, a file of the operator's, the environment, in that order. Everything
//! that is wrong is reported together, each with the key that it is about.

mod error;
mod file;
mod identity;
mod layers;
mod load;
mod section;
mod settings;
mod stand_ins;

pub(crate) use error::ConfigError;
pub(crate) use file::Config;
pub(crate) use layers::defaults;
pub(crate) use section::Section;
#[cfg(feature = "local")]
pub(crate) use stand_ins::StandIns;
pub(crate) use stand_ins::fill_in_placeholders;
