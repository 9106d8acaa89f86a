//! The queue, the priority and the service level of a case.

use despatch_domain::{Reason, Triage};

/// The handler whose every event is one mail to one customer. Like the state's worker in `ends_with_order`, it is named
/// here because a case has to know whom a failure leaves with work.
const MAILS: &str = "notifications.notify";

/// The handler whose every event is one mail to one supplier.
const REMINDERS: &str = "notifications.remind-supplier";

/// The triage of a dead letter.
///
/// A mail to a supplier that was given up on or refused leaves purchasing with work, who ask in another way. Otherwise it is that of the reason, but for a mail that was given up on. Its customer has to be told in another way, and no
/// order waits for it, as with a mail that the server refuses for good.
pub(super) fn triage(reason: &str, handler: &str) -> Triage {
    // A newer build may give reasons that this one does not know.
    let reason = match Reason::parse(reason) {
        Some(
            Reason::AttemptsExhausted
            | Reason::RetryCancelled
            | Reason::ProviderDown
            | Reason::ProviderRefused
            | Reason::RecipientRejected
            | Reason::MessageRejected,
        ) if handler == REMINDERS => Some(Reason::DeliveryOverdue),
        Some(
            Reason::AttemptsExhausted
            | Reason::RetryCancelled
            | Reason::ProviderDown
            | Reason::ProviderRefused,
        ) if handler == MAILS => Some(Reason::RecipientRejected),
        reason => reason,
    };
    reason.and_then(Reason::triage).unwrap_or(Triage::UNKNOWN)
}

#[cfg(test)]
mod tests {
    use despatch_domain::Queue::{CarrierDesk, CustomerService, Engineering, Payments, Purchasing};

    use super::*;

    #[test]
    fn a_mail_that_is_given_up_on_is_customer_service_s() {
        for (reason, handler, queue) in [
            ("attempts-exhausted", "notifications.notify", CustomerService),
            ("retry-cancelled", "notifications.notify", CustomerService),
            ("provider-down", "notifications.notify", CustomerService),
            ("message-rejected", "notifications.notify", CustomerService),
            ("recipient-rejected", "notifications.notify", CustomerService),
            // Defects stay with those who can fix them.
            ("message-unwritable", "notifications.notify", Engineering),
            ("poison-event", "notifications.notify", Engineering),
            ("payload-undecodable", "notifications.notify", Engineering),
            ("deferred-too-long", "notifications.notify", Engineering),
            ("from-a-newer-build", "notifications.notify", Engineering),
            ("attempts-exhausted", "notifications.remind-supplier", Purchasing),
            ("recipient-rejected", "notifications.remind-supplier", Purchasing),
            ("message-unwritable", "notifications.remind-supplier", Engineering),
            // No other handler's events are mails to customers.
            ("attempts-exhausted", "notifications.alert", Engineering),
            ("alert-rejected", "notifications.alert", Engineering),
            ("attempts-exhausted", "labels.create", Engineering),
            ("carrier-rejected", "labels.create", CarrierDesk),
            ("card-declined", "payments.capture", Payments),
        ] {
            assert_eq!(triage(reason, handler).queue, queue, "{reason} at {handler}");
        }
    }
}
