//! The tenders of a shop's order: by what its customer pays, and how far that is.
//!
//! The shop's own word of the order's payment decides. A PaymentIntent that the checkout named is ours to capture unless the
//! shop has the money already.

use despatch_contracts::order::{Tender, TenderState};
use despatch_contracts::tender;

/// A shop's word of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paid {
    /// Nothing.
    Unsaid,
    /// The shop has the money.
    InShop,
    /// The customer has authorised it.
    Authorised,
    /// This much is still to be paid, in minor units; the shop has the rest.
    Partly {
        /// Minor units of the order's currency.
        outstanding: i64,
    },
    /// The customer has yet to pay.
    Pending,
    /// The shop gave the payment up, and the order with it.
    Void,
}

/// Amounts of an order in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) minor: i64,
    pub(crate) currency: String,
}

/// How an order is paid, as its shop says.
pub(crate) struct Payment {
    pub(crate) paid: Paid,
    /// The PaymentIntent that the checkout named, without amount.
    pub(crate) intent: Option<Tender>,
    /// The shop's name of the means, e.g. `Bank Deposit`.
    pub(crate) name: String,
    /// The shop's own reference of the payment; may be empty.
    pub(crate) reference: String,
    /// Whether the carrier collects the money.
    pub(crate) is_on_delivery: bool,
    /// Whether the shop's part is paid by gift card.
    pub(crate) is_gift_card: bool,
    /// The order's total in the shop's currency.
    pub(crate) total: Total,
    /// The total that the customer saw, if it is in another currency.
    pub(crate) presented: Option<Total>,
    /// The total that the customer authorised, if the shop took something off the order since.
    pub(crate) authorised: Option<Total>,
    /// The part of what the shop took that it gave back, or has yet to give back, in minor units of its currency.
    pub(crate) refunded: i64,
}

impl Payment {
    /// Returns whether the shop itself gives money back, if any goes back: it has the payment, or had it.
    pub(crate) fn is_held_by_shop(&self) -> bool {
        match self.paid {
            Paid::InShop => true,
            Paid::Void => self.intent.is_none() && !self.is_on_delivery,
            Paid::Unsaid | Paid::Authorised | Paid::Partly { .. } | Paid::Pending => false,
        }
    }

    /// Returns the tenders, ours first; none if the order costs nothing or if nobody says how it is paid.
    pub(crate) fn tenders(self) -> Vec<Tender> {
        let total = self.total.clone();
        if total.minor == 0 {
            return Vec::new();
        }
        let seen = self.presented.clone().unwrap_or_else(|| total.clone());
        let in_shop = if self.is_gift_card { tender::GIFT_CARD } else { tender::SHOP };
        let waits = if self.is_on_delivery { tender::CASH_ON_DELIVERY } else { tender::MANUAL };
        match (self.paid, self.intent.clone()) {
            (Paid::InShop, _) => {
                let taken = if self.refunded > 0 { total.minor.saturating_add(self.refunded) } else { 0 };
                vec![Tender { authorised_minor: taken, ..self.of(in_shop, total, TenderState::Captured) }]
            }
            (Paid::Void, _) => vec![self.of(tender::SHOP, total, TenderState::Void)],
            (Paid::Partly { outstanding }, intent) => {
                let rest = Total { minor: outstanding, currency: total.currency.clone() };
                let shop = Total { minor: total.minor.saturating_sub(outstanding), currency: total.currency };
                let rest = match intent {
                    Some(intent) => ours(intent, rest),
                    None => self.of(waits, rest, TenderState::Pending),
                };
                [rest, self.of(in_shop, shop, TenderState::Captured)]
                    .into_iter()
                    .filter(|it| it.amount_minor != 0)
                    .collect()
            }
            (Paid::Unsaid | Paid::Authorised | Paid::Pending, Some(intent)) => {
                let authorised = self.authorised.as_ref().filter(|total| total.currency == seen.currency);
                let authorised_minor = authorised.map_or(0, |total| total.minor);
                vec![Tender { authorised_minor, ..ours(intent, seen) }]
            }
            (Paid::Unsaid, None) => Vec::new(),
            (Paid::Authorised, None) => vec![self.of(tender::SHOP, total, TenderState::Authorised)],
            (Paid::Pending, None) => vec![self.of(waits, total, TenderState::Pending)],
        }
    }

    fn of(&self, provider: &str, Total { minor, currency }: Total, state: TenderState) -> Tender {
        Tender {
            provider: provider.to_owned(),
            reference: self.reference.clone(),
            amount_minor: minor,
            currency,
            state: state.into(),
            name: self.name.clone(),
            ..Tender::default()
        }
    }
}

fn ours(intent: Tender, Total { minor, currency }: Total) -> Tender {
    Tender { amount_minor: minor, currency, state: TenderState::Authorised.into(), ..intent }
}
