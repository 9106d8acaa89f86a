//! What a run took ([`usage`], [`run`]), the median of several ([`spread`]), and how it is printed ([`report`]).

pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod spread;
pub(crate) mod usage;
