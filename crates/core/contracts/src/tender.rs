//! The holders of money that payments does not capture itself, as a tender names them.

/// The shop took the payment, or its payment provider did for it.
pub const SHOP: &str = "shop";

/// The shop's gift cards and store credit.
pub const GIFT_CARD: &str = "gift-card";

/// The carrier collects the money when the parcel comes.
pub const CASH_ON_DELIVERY: &str = "cash-on-delivery";

/// A bank transfer, a cheque: a person confirms it.
pub const MANUAL: &str = "manual";
