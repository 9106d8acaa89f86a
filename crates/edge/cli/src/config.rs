//! The configuration: the annotated default file, a file of the operator's, the environment, in that order. Everything
//! that is wrong is reported together, each with where it is, the key, what was expected and what was found.

mod effective;
mod file;
mod identity;
mod in_force;
mod key;
mod layers;
mod lines;
mod load;
mod origin;
mod problem;
#[cfg(feature = "local")]
mod running;
mod section;
mod settings;
mod shape;
mod stand_ins;

pub(crate) use effective::effective;
pub(crate) use file::Config;
pub(crate) use in_force::not_in_force;
pub(crate) use key::Key;
pub(crate) use load::Loaded;
pub(crate) use problem::{ConfigError, Problem};
#[cfg(feature = "local")]
pub(crate) use running::running;
pub(crate) use section::Section;
pub(crate) use shape::defaults;
#[cfg(feature = "local")]
pub(crate) use stand_ins::StandIns;
pub(crate) use stand_ins::fill_in_placeholders;
