//! Fields that several senders have in common, each parsed in one way.

pub(crate) mod amount;
pub(crate) mod authorisation;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod name;
pub(crate) mod placed_at;
pub(crate) mod service_level;
