//! A carrier's scans of a parcel, and the order in which they are reported.

use serde::{Deserialize, Serialize};

use crate::faults::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scan {
    Transit,
    Delivered,
}

impl Scan {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Transit => "TRANSIT",
            Self::Delivered => "DELIVERED",
        }
    }

    pub(super) fn details(self) -> &'static str {
        match self {
            Self::Transit => "Your parcel has left the facility.",
            Self::Delivered => "Your parcel has been delivered.",
        }
    }
}

/// The order in which a label's scans are reported. Chosen at the purchase, so that a restart keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Course {
    Plain,
    Twice,
    Backwards,
}

impl Course {
    /// Returns the course under a fault.
    pub(super) fn under(fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::Duplicate) => Self::Twice,
            Some(Fault::OutOfOrder) => Self::Backwards,
            _ => Self::Plain,
        }
    }

    pub(super) fn scans(self) -> &'static [Scan] {
        match self {
            Self::Plain => &[Scan::Transit, Scan::Delivered],
            Self::Twice => &[Scan::Transit, Scan::Transit, Scan::Delivered, Scan::Delivered],
            Self::Backwards => &[Scan::Delivered, Scan::Transit],
        }
    }
}
