//! The list of the schemas that are read.

pub(crate) const ORDERS: &str = "orders";
pub(crate) const PAYMENTS: &str = "payments";
pub(crate) const LABELS: &str = "labels";
pub(crate) const NOTIFICATIONS: &str = "notifications";
pub(crate) const INVENTORY: &str = "inventory";
pub(crate) const REVIEWS: &str = "reviews";

// Only commands read these, with an operator's rights.
pub(crate) const GATEWAY: &str = "gateway";
pub(crate) const EXCEPTIONS: &str = "exceptions";

/// The workers whose schemas [`ReadModel`](crate::ReadModel) reads. A role that reads through it needs `select` on these and on no
/// other.
pub const SCHEMAS: [&str; 6] = [ORDERS, INVENTORY, PAYMENTS, LABELS, NOTIFICATIONS, REVIEWS];
