//! The tenders of an order: whether they pay for all of it, and what is due to be captured by payments.

use despatch_contracts::order::{Order, Tender, TenderState};
use despatch_contracts::tender;
use despatch_domain::{Currency, Money, MoneyError};
use despatch_runtime::Tx;

use crate::error::PaymentError;
use crate::provider::Captured;
use crate::store::{self, NewTender, Recorded};

/// The part of an order that payments has to capture.
#[derive(Debug)]
pub(crate) enum Due {
    /// This much of a payment at our provider.
    Ours(Ours),
    /// Nothing: the other tenders cover the order, or it costs nothing.
    Nothing(Currency),
}

/// The tender that payments captures.
#[derive(Debug, Clone)]
pub struct Ours {
    /// The tender's number within the order, from 1.
    pub(crate) number: u32,
    /// The tender.
    pub(crate) tender: Tender,
    /// The amount that is due.
    pub(crate) amount: Money,
    /// The order's total in the shop's own currency, where the tender is in the customer's and pays for all of it. A
    /// checkout may have authorised either.
    pub(crate) instead: Option<Money>,
    /// The change that made the order so, if it changed after it was accepted.
    pub(crate) change: Option<u32>,
}

impl Ours {
    /// Returns the amount to capture of a payment for which the customer authorised `authorised`; an error if that is not
    /// what is due. A provider that does not say what was authorised is asked for what is due.
    pub(crate) fn of(&self, authorised: Option<Money>) -> Result<Money, PaymentError> {
        let Some(authorised) = authorised else { return Ok(self.amount) };
        let is_of_more = |due: &Money| {
            self.tender.authorised_minor > 0
                && authorised.currency == due.currency
                && authorised.minor > due.minor
        };
        if authorised == self.amount || Some(authorised) == self.instead {
            Ok(authorised)
        } else if authorised == self.before() && self.before().minor > self.amount.minor {
            Ok(self.amount)
        } else if let Some(instead) = self.instead.filter(is_of_more) {
            Ok(instead)
        } else {
            Err(PaymentError::AuthorisedOther { authorised, total: self.amount })
        }
    }

    /// Whether a capture of this amount, of which so many minor units were given back, pays exactly what is due. If the shop
    /// took something off an order that was captured before, the customer must have that back. Of an order that changed since
    /// it was accepted, payments gives it back.
    pub(crate) fn is_settled_by(&self, captured: Money, back: i64) -> bool {
        let dues = [Some(self.amount), self.instead];
        let is_due = dues.contains(&Some(captured));
        let is_before = captured == self.before() && captured.minor > self.amount.minor;
        let is_enough = |due: Money| captured.currency == due.currency && captured.minor > due.minor;
        is_due
            || (is_before && captured.minor - back <= self.amount.minor)
            || (self.change.is_some() && dues.into_iter().flatten().any(is_enough))
    }

    /// Returns the amount that the customer authorised, if the shop took something off the order since; else zero.
    fn before(&self) -> Money {
        Money::new(self.tender.authorised_minor, self.amount.currency)
    }
}

/// Returns what is due to be captured at this provider; an error unless the tenders pay for exactly the order's total.
pub(crate) fn due(order: &Order, provider: &'static str) -> Result<Due, PaymentError> {
    let total = Money::new(order.total_minor, Currency::parse(&order.currency)?);
    let mut ours = None;
    let mut paid = Vec::new();
    for (number, tender) in (1..).zip(&order.tenders).filter(|(_, tender)| tender::lives(tender)) {
        match tender.provider.as_str() {
            tender::SHOP if tender.state() == TenderState::Authorised => {
                return Err(PaymentError::CaptureAtShop);
            }
            tender::SHOP | tender::MANUAL if tender.state() != TenderState::Captured => {
                return Err(PaymentError::NotPaid { name: tender.name.clone() });
            }
            tender::SHOP | tender::MANUAL | tender::GIFT_CARD | tender::CASH_ON_DELIVERY => {}
            found => {
                PaymentError::unless_ours(found, provider)?;
                if ours.replace((number, tender)).is_some() {
                    return Err(PaymentError::SeveralPayments);
                }
            }
        }
        let part = Money::new(tender.amount_minor, Currency::parse(&tender.currency)?);
        if part.minor < 0 {
            return Err(PaymentError::AuthorisedOther { authorised: part, total });
        }
        paid.push(part);
    }
    let presented = presented(order)?;
    let Some(first) = paid.first() else {
        return if total.minor == 0 {
            Ok(Due::Nothing(total.currency))
        } else {
            Err(PaymentError::AuthorisationMissing)
        };
    };
    let all = match presented {
        Some(presented) if first.currency == presented.currency => presented,
        _ => total,
    };
    let sum = paid.iter().try_fold(Money::new(0, all.currency), |sum, part| sum.checked_add(*part));
    match sum {
        Ok(sum) if sum == all => {}
        Ok(sum) => return Err(PaymentError::AuthorisedOther { authorised: sum, total: all }),
        Err(MoneyError::CurrencyMismatch(..)) => {
            return Err(PaymentError::AuthorisedOther { authorised: *first, total });
        }
        Err(error) => return Err(error.into()),
    }
    Ok(match ours {
        Some((number, tender)) if tender.amount_minor != 0 => {
            let amount = Money::new(tender.amount_minor, all.currency);
            let instead = (paid.len() == 1 && all != total).then_some(total);
            Due::Ours(Ours { number, tender: tender.clone(), amount, instead, change: None })
        }
        _ => Due::Nothing(all.currency),
    })
}

/// Whether somebody else than payments has been paid this tender.
pub(crate) fn is_paid_to_others(tender: &Tender) -> bool {
    tender.state() == TenderState::Captured && tender::is_of_others(&tender.provider)
}

/// Returns the tender that payments captures, with its number within the order.
pub(crate) fn ours(tenders: &[Tender]) -> Option<(u32, &Tender)> {
    (1..).zip(tenders).find(|(_, it)| tender::lives(it) && !tender::is_of_others(&it.provider))
}

/// Returns how much others took of this tender. They may have given a part of it back before the order came here.
fn taken_by_others(tender: &Tender) -> i64 {
    if is_paid_to_others(tender) { tender.amount_minor.max(tender.authorised_minor) } else { 0 }
}

/// Returns whether others took more than the order costs.
pub(crate) fn is_overpaid(tenders: &[Tender]) -> bool {
    tenders.iter().any(|it| taken_by_others(it) > it.amount_minor)
}

/// Records every tender of an order, and what was captured of ours. Returns `None` if that was done before.
pub(crate) async fn record(
    order_id: &str,
    tenders: &[Tender],
    ours: Option<(u32, &Captured)>,
    tx: &Tx<'_>,
) -> Result<Option<Recorded>, PaymentError> {
    let mut recorded = None;
    for (number, tender) in (1..).zip(tenders) {
        let (capture, captured) = if let Some((_, captured)) = ours.filter(|(ours, _)| *ours == number) {
            (captured.reference.as_str(), captured.amount)
        } else {
            ("", Money::new(taken_by_others(tender), Currency::parse(&tender.currency)?))
        };
        let tender = NewTender {
            order_id,
            number: i32::try_from(number).unwrap_or(i32::MAX),
            provider: &tender.provider,
            authorisation: &tender.reference,
            capture,
            captured,
        };
        recorded = store::record_tender(tx, &tender).await?.or(recorded);
    }
    Ok(recorded)
}

/// Returns the total that the customer saw, if it is in another currency than the shop's.
fn presented(order: &Order) -> Result<Option<Money>, PaymentError> {
    if order.presentment_currency.is_empty() {
        return Ok(None);
    }
    let currency = Currency::parse(&order.presentment_currency)?;
    Ok(Some(Money::new(order.presentment_total_minor, currency)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tender(provider: &str, minor: i64, currency: &str, state: TenderState) -> Tender {
        Tender {
            provider: provider.to_owned(),
            reference: "pi_1".to_owned(),
            amount_minor: minor,
            currency: currency.to_owned(),
            state: state.into(),
            ..Tender::default()
        }
    }

    fn order(tenders: Vec<Tender>) -> Order {
        Order { total_minor: 10_500, currency: "USD".to_owned(), tenders, ..Order::default() }
    }

    fn minor(due: Result<Due, PaymentError>) -> Result<i64, String> {
        match due {
            Ok(Due::Ours(ours)) => Ok(ours.amount.minor),
            Ok(Due::Nothing(_)) => Ok(0),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_is_due_is_what_no_other_tender_covers() {
        use TenderState::{Authorised, Captured, Failed, Pending};
        for (tenders, expected) in [
            (vec![tender("stripe", 10_500, "USD", Authorised)], 10_500),
            (
                vec![tender("gift-card", 8_000, "USD", Captured), tender("stripe", 2_500, "USD", Authorised)],
                2_500,
            ),
            (vec![tender("gift-card", 10_500, "USD", Captured)], 0),
            (vec![tender("shop", 10_500, "USD", Captured)], 0),
            (vec![tender("cash-on-delivery", 10_500, "USD", Pending)], 0),
            (vec![tender("stripe", 10_500, "USD", Failed), tender("shop", 10_500, "USD", Captured)], 0),
        ] {
            assert_eq!(minor(due(&order(tenders.clone()), "stripe")), Ok(expected), "{tenders:?}");
        }
    }

    #[test]
    fn what_does_not_pay_for_the_order_is_an_error() {
        use TenderState::{Authorised, Captured, Pending};
        for (tenders, expected) in [
            (vec![], "expected an authorisation"),
            (vec![tender("gift-card", 8_000, "USD", Captured)], "80.00 USD was authorised"),
            (vec![tender("shop", 10_500, "USD", Authorised)], "the shop"),
            (vec![tender("shop", 10_500, "USD", Pending)], "paid"),
            (vec![tender("manual", 10_500, "USD", Pending)], "paid"),
            (vec![tender("other", 10_500, "USD", Authorised)], "expected an authorisation at \"stripe\""),
            (
                vec![tender("stripe", 500, "USD", Authorised), tender("stripe", 10_000, "USD", Authorised)],
                "one payment",
            ),
            (vec![tender("stripe", 10_500, "JPY", Authorised)], "10500 JPY was authorised"),
            (
                vec![
                    tender("stripe", 15_500, "USD", Authorised),
                    tender("gift-card", -5000, "USD", Captured),
                ],
                "-50.00 USD was authorised",
            ),
        ] {
            let error = minor(due(&order(tenders.clone()), "stripe")).unwrap_err();
            assert!(error.contains(expected), "{error}: {tenders:?}");
        }
    }

    #[test]
    fn the_money_that_the_customer_saw_is_captured_or_the_shop_s_whole_total() {
        let mut order = order(vec![tender("stripe", 16_380, "JPY", TenderState::Authorised)]);
        order.presentment_currency = "JPY".to_owned();
        order.presentment_total_minor = 16_380;
        let Due::Ours(ours) = due(&order, "stripe").unwrap() else { panic!("it is due") };
        let yen = Money::new(16_380, Currency::parse("JPY").unwrap());
        let dollars = Money::new(10_500, Currency::USD);
        assert_eq!(ours.of(Some(yen)).unwrap(), yen);
        assert_eq!(ours.of(Some(dollars)).unwrap(), dollars);
        assert!(ours.of(Some(Money::new(10_500, yen.currency))).is_err());
        assert!(ours.of(Some(Money::new(16_380, dollars.currency))).is_err());
        order.tenders[0].amount_minor = 10_500;
        assert!(due(&order, "stripe").is_err(), "yen are not cents");
    }
}
