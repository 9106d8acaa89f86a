//! What holds for every deployment: the orders worker has nothing to configure.

use std::time::Duration;

/// How soon an event that came before its order was accepted is tried again.
pub(crate) const NOT_YET: Duration = Duration::from_millis(250);
