//! Fields that several senders have in common, each parsed in one way.

pub(crate) mod amount;
pub(crate) mod attributes;
pub(crate) mod charge;
pub(crate) mod intent;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod name;
pub(crate) mod pickup;
pub(crate) mod placed_at;
pub(crate) mod recipient;
pub(crate) mod rounding;
pub(crate) mod service_level;
pub(crate) mod tax;
pub(crate) mod tenders;
