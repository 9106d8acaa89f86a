//! The consequence of a handler's dead letter for its order.

use despatch_runtime::DeadEvent;

/// Handlers whose dead letter means that nothing was captured.
pub const BEFORE_CAPTURE: [&str; 4] =
    ["orders.accept", "payments.check", "inventory.reserve", "payments.capture"];

/// Handlers whose dead letter means that nothing was reserved.
pub const BEFORE_RESERVATION: [&str; 3] = ["orders.accept", "payments.check", "inventory.reserve"];

/// Returns whether one of these handlers gave up.
pub fn died_at(letters: &[DeadEvent], handlers: &[&str]) -> bool {
    letters.iter().any(|letter| handlers.contains(&letter.handler.as_str()))
}

/// Returns whether a handler of this worker gave up.
pub(super) fn died_in(letters: &[DeadEvent], worker: &str) -> bool {
    letters.iter().any(|letter| letter.handler.split('.').next() == Some(worker))
}
