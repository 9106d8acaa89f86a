//! The one registry of reason codes: why a machine decided, refused or gave up.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal),+ $(,)?) => {
        /// Why something was decided, refused or given up. Every automated decision is logged with one, every dead
        /// letter carries one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[doc = $doc])+ $variant),+ }

        impl Reason {
            /// Every reason, in the order of the registry.
            pub const ALL: &[Reason] = &[$(Reason::$variant),+];

            /// The code, in kebab case, as it stands in subjects, tables and documents.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code),+ }
            }

            /// The reason of a code; `None` when the registry does not list it.
            pub fn parse(code: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    // What orders finds wrong with what a shop sent.
    /// The order names no shipping address.
    AddressMissing = "address-missing",
    /// The address lacks a street, city or country, or its country is not an ISO 3166 code.
    AddressIncomplete = "address-incomplete",
    /// The order names no customer.
    CustomerMissing = "customer-missing",
    /// The customer has no usable e-mail address.
    EmailMissing = "email-missing",
    /// A line has no SKU.
    SkuMissing = "sku-missing",
    /// The order has no lines.
    LinesMissing = "lines-missing",
    /// A quantity is zero, negative or absurd.
    QuantityInvalid = "quantity-invalid",
    /// An amount is negative.
    AmountInvalid = "amount-invalid",
    /// The currency is not in ISO 4217.
    CurrencyUnknown = "currency-unknown",
    /// Lines, shipping, tax and discount do not add up to the total.
    TotalsMismatch = "totals-mismatch",
    /// The same shop and shop order id came again with other contents.
    OrderChanged = "order-changed",

    // Decisions of the order's state machine.
    /// The order passed every check.
    OrderValid = "order-valid",
    /// A step of the order was done, as its event says.
    StepDone = "step-done",
    /// An event arrived again or later than one that already covers it; nothing changed.
    AlreadyApplied = "already-applied",
    /// A fact arrived that the order's state does not expect, and nothing known makes good for it.
    UnexpectedFact = "unexpected-fact",
    /// A command came that the order's state does not allow.
    CommandRefused = "command-refused",
    /// The customer asked for the order to be cancelled.
    CustomerCancelled = "customer-cancelled",
    /// An operator cancelled the order.
    OperatorCancelled = "operator-cancelled",
    /// Money was captured for an order that had been cancelled; it goes back.
    CapturedAfterCancellation = "captured-after-cancellation",
    /// A parcel came back to the sender.
    ParcelReturned = "parcel-returned",
    /// The carrier gave up on a parcel.
    DeliveryFailed = "delivery-failed",
    /// Every parcel is delivered and the review is answered or lapsed.
    AllDone = "all-done",

    // Payments.
    /// The card issuer declined.
    CardDeclined = "card-declined",
    /// The authorisation ran out or was cancelled before the capture.
    AuthorisationExpired = "authorisation-expired",
    /// The order has nothing authorised to capture.
    AuthorisationMissing = "authorisation-missing",
    /// What was authorised or captured is not what the order costs.
    AmountMismatch = "amount-mismatch",
    /// The provider refuses our request itself: a key, a parameter, an id.
    PaymentRejected = "payment-rejected",

    // Inventory.
    /// Fewer units can be sold than the order wants.
    StockShort = "stock-short",
    /// The SKU is not in the catalogue.
    SkuUnknown = "sku-unknown",
    /// The reservation ended before it was confirmed.
    ReservationExpired = "reservation-expired",

    // Labels and carriers.
    /// The carrier cannot deliver to this address.
    AddressUndeliverable = "address-undeliverable",
    /// The carrier refuses the shipment.
    CarrierRejected = "carrier-rejected",
    /// No carrier service serves the order's service level and destination.
    ServiceUnavailable = "service-unavailable",
    /// The cheapest service that the first matching rule allows was chosen.
    ServiceCheapest = "service-cheapest",
    /// A rule names the one service for this service level and destination.
    ServiceByRule = "service-by-rule",
    /// An earlier try, whose answer was lost, had bought the label.
    LabelFound = "label-found",
    /// A carrier scanned a parcel that is not ours.
    TrackingUnknown = "tracking-unknown",

    // Reviews.
    /// A review's rating is not 1 to 5 stars.
    RatingInvalid = "rating-invalid",

    // Notifications.
    /// The mail server refuses the recipient for good.
    RecipientRejected = "recipient-rejected",
    /// The mail server refuses the message itself for good.
    MessageRejected = "message-rejected",

    // The runtime's own.
    /// The message is not what its headers say.
    PayloadUndecodable = "payload-undecodable",
    /// Every attempt failed.
    AttemptsExhausted = "attempts-exhausted",
    /// What the event waited for did not come before its deadline.
    DeferredTooLong = "deferred-too-long",
    /// Handling it began several times and never ended.
    ProcessKiller = "process-killer",
    /// A follow-on event is larger than the broker accepts.
    PayloadTooLarge = "payload-too-large",
    /// The event is older than the journal remembers.
    EventExpired = "event-expired",
    /// An operator withdrew a waiting retry.
    RetryCancelled = "retry-cancelled",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_kebab_case_and_distinct() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            assert!(
                code.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
            );
        }
    }
}
