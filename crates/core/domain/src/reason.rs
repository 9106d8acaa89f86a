//! The registry of reason codes: why a machine decided, refused or gave up. A reason that makes an event dead has a
//! queue, a priority, a service level in working hours, and a page under `docs/exceptions`. The command line shows the
//! page, and its tests fail if the page is missing.

use std::fmt;

use crate::triage::{Priority, Queue, Triage};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+
        $variant:ident = $code:literal $(=> ($queue:ident, $priority:ident, $hours:literal))?),+ $(,)?) => {
        /// Why a machine decided, refused or gave up. Every automated decision is logged with a reason; every dead
        /// letter carries one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[doc = $doc])+ $variant),+ }

        impl Reason {
            /// Every reason, in the order of the registry.
            pub const ALL: &[Reason] = &[$(Reason::$variant),+];

            /// Returns the code in kebab case, as in subjects, tables and documents.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code),+ }
            }

            /// Returns the reason of a code; `None` if the registry does not list it.
            pub fn parse(code: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.code() == code)
            }

            /// Returns what it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$variant => concat!($($doc),+).trim_start()),+ }
            }

            /// Returns the triage of events that are dead for this reason; `None` if no event is.
            pub const fn triage(self) -> Option<Triage> {
                match self { $(Reason::$variant => reasons!(@triage $($queue $priority $hours)?)),+ }
            }
        }
    };
    (@triage) => { None };
    (@triage $queue:ident $priority:ident $hours:literal) => {
        Some(Triage {
            queue: Queue::$queue,
            priority: Priority::$priority,
            hours: $hours,
        })
    };
}

reasons! {
    // Defects that orders finds in a shop's order.
    /// The order names no shipping address.
    AddressMissing = "address-missing" => (CustomerService, Normal, 8),
    /// The address lacks a name, street, city or country, or its country is not an ISO 3166 code.
    AddressIncomplete = "address-incomplete" => (CustomerService, Normal, 8),
    /// A line has no SKU.
    SkuMissing = "sku-missing" => (CustomerService, Normal, 8),
    /// The order has no lines.
    LinesMissing = "lines-missing" => (CustomerService, Normal, 16),
    /// A quantity is zero, negative or absurd.
    QuantityInvalid = "quantity-invalid" => (CustomerService, Normal, 8),
    /// An amount is negative.
    AmountInvalid = "amount-invalid" => (CustomerService, Normal, 8),
    /// The currency is not in ISO 4217.
    CurrencyUnknown = "currency-unknown" => (CustomerService, Normal, 16),
    /// Lines, charges, tax and discount do not add up to the total.
    TotalsMismatch = "totals-mismatch" => (CustomerService, Normal, 8),
    /// The shop refunded a part of the order before, and did not say of which units.
    RefundUnclear = "refund-unclear" => (CustomerService, Normal, 8),
    /// The same shop and shop order id came again with other contents.
    OrderChanged = "order-changed" => (CustomerService, High, 4),

    // Webhooks of shops.
    /// A shop signed a webhook that cannot be read.
    OrderUnreadable = "order-unreadable" => (CustomerService, High, 4),
    /// A shop removed the app that sends its webhooks.
    AppUninstalled = "app-uninstalled" => (CustomerService, Urgent, 2),
    /// A customer asks the shop which data it has.
    CustomerDataRequest = "customer-data-request" => (CustomerService, Normal, 80),
    /// A customer's personal data have to be erased.
    CustomerRedact = "customer-redact" => (CustomerService, Normal, 80),
    /// All data of a shop have to be erased.
    ShopRedact = "shop-redact" => (CustomerService, Normal, 80),

    // Decisions of the order's state machine.
    /// The order passed every check.
    OrderValid = "order-valid",
    /// A step of the order was done, as its event says.
    StepDone = "step-done",
    /// An event arrived again or later than one that already covers it; nothing changed.
    AlreadyApplied = "already-applied",
    /// A fact arrived that the order's state does not expect, and no known rule compensates for it.
    UnexpectedFact = "unexpected-fact" => (CarrierDesk, High, 4),
    /// A command arrived that the order's state does not allow.
    CommandRefused = "command-refused" => (Payments, High, 4),
    /// The customer asked for the order to be cancelled.
    CustomerCancelled = "customer-cancelled",
    /// The shop cancelled or deleted the order.
    ShopCancelled = "shop-cancelled",
    /// An operator cancelled the order.
    OperatorCancelled = "operator-cancelled",
    /// Money was captured for an order that had been cancelled; it is refunded.
    CapturedAfterCancellation = "captured-after-cancellation",
    /// A parcel came back to the sender.
    ParcelReturned = "parcel-returned",
    /// The carrier gave up on a parcel.
    DeliveryFailed = "delivery-failed" => (CarrierDesk, High, 8),
    /// Every unit is delivered and the review is answered or lapsed; or the order is paid and has nothing to send.
    AllDone = "all-done",

    // Payments.
    /// The card issuer declined.
    CardDeclined = "card-declined" => (Payments, Normal, 8),
    /// The authorisation ran out or was cancelled before the capture.
    AuthorisationExpired = "authorisation-expired" => (Payments, High, 4),
    /// The order has nothing authorised to capture.
    AuthorisationMissing = "authorisation-missing" => (Payments, Normal, 8),
    /// The amount authorised or captured is not what the order costs.
    AmountMismatch = "amount-mismatch" => (Payments, Urgent, 2),
    /// The payment that the order names does not say that it is this order's.
    PaymentUnproven = "payment-unproven" => (Payments, Urgent, 2),
    /// The payment that the order names is another order's.
    PaymentUsed = "payment-used" => (Payments, Urgent, 2),
    /// The payment came after nobody waited for it any more.
    PaidTooLate = "paid-too-late" => (Payments, High, 4),
    /// The money is authorised at the shop's own provider, and the shop has to capture it.
    CaptureAtShop = "capture-at-shop" => (Payments, High, 4),
    /// A refund asks for more than is left of what was captured.
    RefundAboveCaptured = "refund-above-captured",
    /// A refund was made by somebody else: the shop, or a person at the provider.
    RefundedElsewhere = "refunded-elsewhere",
    /// The shop holds money whose refund is approved, and has not reported the refund.
    RefundAtShop = "refund-at-shop" => (CustomerService, High, 8),
    /// A refund was made, and did not reach the customer.
    RefundFailed = "refund-failed" => (Payments, High, 4),
    /// The provider's risk rules put a payment under review after it was captured.
    PaymentUnderReview = "payment-under-review" => (Payments, Urgent, 2),
    /// The customer disputes the payment at the bank, and the shop can answer until a deadline.
    PaymentDisputed = "payment-disputed" => (Payments, Urgent, 8),
    /// The customer's bank decided a dispute for the customer, and took the money back.
    DisputeLost = "dispute-lost",
    /// The provider refuses the request itself: a key, a parameter, an id.
    PaymentRejected = "payment-rejected" => (Payments, Urgent, 2),

    // Inventory.
    /// Fewer units can be sold than the order wants.
    StockShort = "stock-short" => (Warehouse, Normal, 8),
    /// The SKU is not in the catalogue.
    SkuUnknown = "sku-unknown" => (Warehouse, Normal, 8),
    /// The reservation ended before it was confirmed.
    ReservationExpired = "reservation-expired" => (Warehouse, High, 4),
    /// A count found fewer units than orders hold, and took some from the order.
    CountBelowReserved = "count-below-reserved" => (Warehouse, High, 4),
    /// A supplier's delivery brought something else than was announced.
    ReceiptDiffers = "receipt-differs" => (Purchasing, Normal, 8),
    /// A supplier's delivery is not here although its time and the grace have passed.
    DeliveryOverdue = "delivery-overdue" => (Purchasing, Normal, 8),
    /// The units of an article that can be sold last for fewer days than they should.
    StockLow = "stock-low" => (Purchasing, Low, 24),

    // Labels and carriers.
    /// The carrier cannot deliver to this address.
    AddressUndeliverable = "address-undeliverable" => (CarrierDesk, High, 4),
    /// The carrier does not take a label back.
    LabelNotVoided = "label-not-voided" => (CarrierDesk, Normal, 16),
    /// The units of a parcel fit in no carton of the shop.
    ParcelTooLarge = "parcel-too-large" => (Warehouse, High, 4),
    /// The carrier refuses the shipment.
    CarrierRejected = "carrier-rejected" => (CarrierDesk, High, 4),
    /// No carrier service serves the order's service level and destination.
    ServiceUnavailable = "service-unavailable" => (CarrierDesk, High, 4),
    /// The cheapest service that the first matching rule allows was chosen.
    ServiceCheapest = "service-cheapest",
    /// A rule names the one service for this service level and destination.
    ServiceByRule = "service-by-rule",
    /// An earlier try, whose answer was lost, had bought the label.
    LabelFound = "label-found",
    /// A carrier scanned a parcel that is not ours.
    TrackingUnknown = "tracking-unknown" => (CarrierDesk, Low, 24),

    // Reviews.
    /// A review's rating is not 1 to 5 stars.
    RatingInvalid = "rating-invalid" => (CustomerService, Low, 24),

    // Notifications.
    /// The order has no address that mail can be sent to.
    NoMailAddress = "no-mail-address",
    /// The mail server refuses the recipient permanently.
    RecipientRejected = "recipient-rejected" => (CustomerService, Low, 16),
    /// The mail server refuses the message itself permanently.
    MessageRejected = "message-rejected" => (CustomerService, Normal, 8),
    /// The message cannot be written, because its template and its data do not fit.
    MessageUnwritable = "message-unwritable" => (Engineering, Normal, 8),
    /// The webhook for operators' alerts refuses an alert.
    AlertRejected = "alert-rejected" => (Engineering, Normal, 8),

    // The runtime's own.
    /// The message does not match its headers.
    PayloadUndecodable = "payload-undecodable" => (Engineering, Urgent, 2),
    /// Every attempt failed.
    AttemptsExhausted = "attempts-exhausted" => (Engineering, High, 4),
    /// The event that this one waited for did not come before the deadline.
    DeferredTooLong = "deferred-too-long" => (Engineering, Normal, 4),
    /// Its handling was started several times and never ended.
    PoisonEvent = "poison-event" => (Engineering, Urgent, 2),
    /// A follow-on event is larger than the broker accepts.
    PayloadTooLarge = "payload-too-large" => (Engineering, High, 4),
    /// The event is older than the journal's retention.
    EventExpired = "event-expired" => (Engineering, Normal, 8),
    /// The provider refuses our credentials.
    ProviderRefused = "provider-refused" => (Engineering, Urgent, 2),
    /// The provider does not answer, or fails, for longer than its events can wait.
    ProviderDown = "provider-down" => (Engineering, Urgent, 2),
    /// An operator cancelled a pending retry.
    RetryCancelled = "retry-cancelled" => (Engineering, Normal, 16),
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
    fn every_service_level_has_hours() {
        assert!(Reason::ALL.iter().filter_map(|reason| reason.triage()).all(|triage| triage.hours > 0));
    }

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
