//! The list of the schemas that are read.

pub(crate) const ORDERS: &str = "orders";
pub(crate) const PAYMENTS: &str = "payments";
pub(crate) const LABELS: &str = "labels";
pub(crate) const NOTIFICATIONS: &str = "notifications";
pub(crate) const REVIEWS: &str = "reviews";

/// The workers whose schemas are read. A role that reads through this crate needs `select` on these and on no other.
pub const SCHEMAS: [&str; 5] = [ORDERS, PAYMENTS, LABELS, NOTIFICATIONS, REVIEWS];
