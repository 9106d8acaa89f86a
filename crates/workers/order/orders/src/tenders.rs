//! How an order is paid that its shop changed. Like those of lines, the numbers of tenders never change.

use despatch_contracts::order::{Order, Tender, TenderState};
use despatch_contracts::tender::{self, lives};

/// Returns the tenders of the order as the shop has it by now: those that the shop says if they add up to the total, else the
/// known ones, lowered in their order. For the same total the known ones stay, unless the shop took money in place of ours.
pub(crate) fn continued(known: &Order, newer: &Order, is_captured: bool) -> Vec<Tender> {
    let is_same_total = totals(known) == totals(newer);
    if is_same_total && !is_taken_in_place(known, newer) {
        return known.tenders.clone();
    }
    let said = said(known, newer, is_captured);
    if add_up(&said, newer) { numbered(&known.tenders, said) } else { lowered(known, newer) }
}

/// Whether the shop says that less of ours is due, because others captured more than is known: the customer paid for an addition
/// that was taken off again, and the shop kept that money.
fn is_taken_in_place(known: &Order, newer: &Order) -> bool {
    let of_ours = |order: &Order| order.tenders.iter().find(|it| is_ours(it)).map(|it| it.amount_minor);
    let is_less = matches!((of_ours(newer), of_ours(known)), (Some(newer), Some(known)) if newer < known);
    let captured = |order: &Order| -> i128 {
        let is_theirs =
            |it: &&Tender| it.state() == TenderState::Captured && tender::is_of_others(&it.provider);
        order.tenders.iter().filter(is_theirs).map(|it| i128::from(it.amount_minor)).sum()
    };
    is_less && captured(newer) > captured(known) && add_up(&newer.tenders, newer)
}

/// Returns how much of the order payments captures, in minor units.
pub(crate) fn due_to_us(order: &Order) -> i64 {
    order.tenders.iter().filter(|it| is_ours(it)).fold(0, |sum, it| sum.saturating_add(it.amount_minor))
}

/// Returns the tenders of an order to which the shop added something; `None` if they do not pay for it.
pub(crate) fn paying(known: &Order, newer: &Order, is_captured: bool) -> Option<Vec<Tender>> {
    let tenders = continued(known, newer, is_captured);
    let is_paid = |(at, tender): (usize, &Tender)| {
        let known = known.tenders.get(at).filter(|known| known.provider == tender.provider);
        match tender.provider.as_str() {
            // The carrier collects it.
            tender::CASH_ON_DELIVERY => tender.state() == TenderState::Captured || known.is_some(),
            tender::SHOP if known.is_some_and(|known| known.state() == TenderState::Authorised) => {
                // Payments waits for the shop's capture, or the shop has captured all of it.
                tender.state() == TenderState::Captured
                    || known.is_some_and(|it| tender.amount_minor <= it.amount_minor.max(it.authorised_minor))
            }
            provider if tender::is_of_others(provider) => tender.state() == TenderState::Captured,
            // Of ours the capture may be under way, and what it takes too much goes back. So the rest of what the customer
            // authorised pays for nothing more.
            _ => known.is_some_and(|known| tender.amount_minor <= known.amount_minor),
        }
    };
    let is_paid = tenders.iter().enumerate().filter(|(_, tender)| lives(tender)).all(is_paid);
    (is_paid && add_up(&tenders, newer)).then_some(tenders)
}

/// Whether the shop has captured all of a payment by now that was only authorised there.
pub(crate) fn are_captured_since(known: &[Tender], newer: &[Tender]) -> bool {
    let is_in = |it: &Tender, state| it.provider == tender::SHOP && it.state() == state;
    let mut living = newer.iter().filter(|tender| lives(tender)).peekable();
    known.iter().any(|it| is_in(it, TenderState::Authorised))
        && living.peek().is_some()
        && living.all(|it| is_in(it, TenderState::Captured))
}

/// Whether the tenders pay for exactly the order's total, in its currency or in that in which the customer saw it.
pub(crate) fn add_up(tenders: &[Tender], order: &Order) -> bool {
    let mut living = tenders.iter().filter(|tender| lives(tender));
    let Some(first) = living.clone().next() else { return order.total_minor == 0 };
    let sum: i128 = living.clone().map(|tender| i128::from(tender.amount_minor)).sum();
    living.all(|tender| tender.currency == first.currency)
        && total_in(order, &first.currency).is_some_and(|total| i128::from(total) == sum)
}

fn totals(order: &Order) -> (i64, i64) {
    (order.total_minor, order.presentment_total_minor)
}

fn total_in(order: &Order, currency: &str) -> Option<i64> {
    if currency == order.currency {
        Some(order.total_minor)
    } else {
        (currency == order.presentment_currency).then_some(order.presentment_total_minor)
    }
}

fn is_ours(tender: &Tender) -> bool {
    lives(tender) && !tender::is_of_others(&tender.provider)
}

/// Returns the tenders that the shop says. A shop that does not see our capture may say that all of the money is its own.
fn said(known: &Order, newer: &Order, is_captured: bool) -> Vec<Tender> {
    let mut said = newer.tenders.clone();
    let ours = known.tenders.iter().find(|tender| is_captured && is_ours(tender));
    let Some(ours) = ours.filter(|_| !said.iter().any(is_ours)) else { return said };
    let total = total_in(newer, &ours.currency).unwrap_or(0);
    let amount_minor = ours.amount_minor.min(total);
    let mut rest = amount_minor;
    for theirs in said.iter_mut().filter(|it| lives(it) && it.currency == ours.currency) {
        let less = theirs.amount_minor.min(rest);
        theirs.amount_minor -= less;
        rest -= less;
    }
    said.retain(|tender| tender.amount_minor > 0);
    said.insert(0, Tender { amount_minor, ..ours.clone() });
    said
}

/// Returns these tenders under the known numbers. One that the shop no longer says pays nothing.
fn numbered(known: &[Tender], mut said: Vec<Tender>) -> Vec<Tender> {
    let mut tenders = Vec::with_capacity(known.len());
    for known in known {
        let same = |it: &&Tender| it.provider == known.provider;
        let is_it = |it: &Tender| it.provider == known.provider && it.reference == known.reference;
        let at = said.iter().position(is_it).or_else(|| said.iter().position(|it| same(&it)));
        tenders.push(match at {
            Some(at) => lower(known, said.remove(at)),
            None if is_ours(known) => lower(known, Tender { amount_minor: 0, ..known.clone() }),
            None => Tender { amount_minor: 0, state: TenderState::Void.into(), ..known.clone() },
        });
    }
    tenders.append(&mut said);
    tenders
}

/// Returns the known tenders for a lower total.
fn lowered(known: &Order, newer: &Order) -> Vec<Tender> {
    let mut tenders = known.tenders.clone();
    let Some(currency) = tenders.iter().find(|it| lives(it)).map(|it| it.currency.clone()) else {
        return tenders;
    };
    let Some(total) = total_in(newer, &currency) else { return tenders };
    let pays = |it: &&mut Tender| lives(it) && it.currency == currency;
    let sum = tenders.iter_mut().filter(pays).fold(0_i64, |sum, it| sum.saturating_add(it.amount_minor));
    let mut less = sum.saturating_sub(total).max(0);
    for tender in tenders.iter_mut().filter(pays) {
        let off = tender.amount_minor.min(less);
        less -= off;
        *tender = lower(tender, Tender { amount_minor: tender.amount_minor - off, ..tender.clone() });
    }
    tenders
}

/// Returns the newer tender. One of ours keeps the amount that the customer authorised.
fn lower(known: &Tender, newer: Tender) -> Tender {
    if !is_ours(known) {
        return newer;
    }
    let authorised = known.authorised_minor.max(known.amount_minor);
    let authorised_minor = if authorised > newer.amount_minor { authorised } else { 0 };
    Tender { authorised_minor, ..newer }
}

#[cfg(test)]
mod tests {
    use TenderState::{Authorised, Captured, Pending, Void};

    use super::*;

    fn tender(provider: &str, amount_minor: i64, state: TenderState) -> Tender {
        let (provider, currency) = (provider.to_owned(), "USD".to_owned());
        Tender { provider, amount_minor, currency, state: state.into(), ..Tender::default() }
    }

    fn order(total_minor: i64, tenders: &[Tender]) -> Order {
        Order { total_minor, currency: "USD".into(), tenders: tenders.to_vec(), ..Order::default() }
    }

    /// Provider, amount, authorised before, state.
    fn told(tenders: &[Tender]) -> Vec<(&str, i64, i64, TenderState)> {
        tenders.iter().map(|it| (&*it.provider, it.amount_minor, it.authorised_minor, it.state())).collect()
    }

    #[test]
    fn the_shop_s_tenders_count_if_they_add_up_and_else_the_known_ones_lowered() {
        let (ours, gift) = (tender("stripe", 70, Authorised), tender("gift-card", 30, Captured));
        let known = order(100, &[ours.clone(), gift.clone()]);
        let less = |tenders: &[Tender]| continued(&known, &order(80, tenders), false);
        let lowered = [("stripe", 50, 70, Authorised), ("gift-card", 30, 0, Captured)];
        assert_eq!(told(&less(&[])), lowered);
        assert_eq!(told(&less(&[tender("stripe", 50, Authorised), gift.clone()])), lowered);
        assert_eq!(told(&less(&[ours.clone(), gift.clone()])), lowered, "they do not add up");
        // The shop has all of it by now, and ours is not captured.
        let [ours, gift, shop] = &less(&[tender("shop", 80, Captured)])[..] else { panic!("three") };
        assert_eq!(
            told(&[ours.clone(), gift.clone()]),
            [("stripe", 0, 70, Authorised), ("gift-card", 0, 0, Void)]
        );
        assert_eq!((&*shop.provider, shop.amount_minor), ("shop", 80));
        let none = continued(&known, &order(10, &[]), false);
        assert_eq!(told(&none), [("stripe", 0, 70, Authorised), ("gift-card", 10, 0, Captured)]);
        assert_eq!(continued(&known, &order(100, &[tender("shop", 100, Captured)]), false), known.tenders);
    }

    #[test]
    fn for_the_same_total_the_known_tenders_stay_unless_the_shop_took_money_in_place_of_ours() {
        let ours = |minor| tender("stripe", minor, Authorised);
        let known = order(100, &[ours(100)]);
        let same = |tenders: &[Tender]| continued(&known, &order(100, tenders), false);
        let split = same(&[ours(60), tender("shop", 40, Captured)]);
        assert_eq!(told(&split), [("stripe", 60, 100, Authorised), ("shop", 40, 0, Captured)]);
        let again = order(100, &split);
        let said = [ours(60), tender("shop", 40, Captured)];
        assert_eq!(continued(&again, &order(100, &said), false), split);
        for other in [
            vec![ours(60), tender("manual", 40, Pending)],
            vec![ours(60), tender("shop", 50, Captured)],
            vec![tender("shop", 100, Captured)],
            vec![ours(100)],
        ] {
            assert_eq!(same(&other), known.tenders, "{other:?}");
        }
    }

    #[test]
    fn money_that_the_customer_saw_is_lowered_in_its_own_currency() {
        let yen = Tender { currency: "JPY".into(), ..tender("stripe", 16_000, Authorised) };
        let presented = |total, minor, tenders: &[Tender]| Order {
            presentment_currency: "JPY".into(),
            presentment_total_minor: minor,
            ..order(total, tenders)
        };
        let known = presented(100, 16_000, &[yen]);
        let next = continued(&known, &presented(80, 12_800, &[]), false);
        assert_eq!(told(&next), [("stripe", 12_800, 16_000, Authorised)]);
        assert!(add_up(&next, &presented(80, 12_800, &[])));
        assert_eq!(continued(&known, &order(80, &[]), false), known.tenders, "nobody says how many yen");
    }

    #[test]
    fn an_addition_is_paid_if_others_captured_what_ours_does_not_cover() {
        let ours = tender("stripe", 100, Authorised);
        let shop = |minor, state| tender("shop", minor, state);
        let paid = |known: &[Tender], newer: &[Tender], is_captured| {
            paying(&order(100, known), &order(130, newer), is_captured).is_some()
        };
        for (known, newer, before, after) in [
            (ours.clone(), vec![ours.clone(), shop(30, Captured)], true, true),
            (ours.clone(), vec![ours.clone(), shop(30, Pending)], false, false),
            (ours.clone(), vec![tender("stripe", 130, Authorised)], false, false),
            (ours.clone(), vec![tender("manual", 30, Pending), ours.clone()], false, false),
            (ours.clone(), vec![shop(130, Captured)], true, true),
            (ours.clone(), vec![], false, false),
            (shop(100, Captured), vec![shop(130, Captured)], true, true),
            (shop(100, Captured), vec![tender("manual", 30, Pending), shop(100, Captured)], false, false),
            (shop(100, Captured), vec![tender("stripe", 30, Authorised), shop(100, Captured)], false, false),
            (shop(100, Authorised), vec![shop(130, Authorised)], false, false),
            (shop(100, Authorised), vec![shop(130, Captured)], true, true),
            (
                tender("cash-on-delivery", 100, Pending),
                vec![tender("cash-on-delivery", 130, Pending)],
                true,
                true,
            ),
        ] {
            let known = [known];
            assert_eq!(
                (paid(&known, &newer, false), paid(&known, &newer, true)),
                (before, after),
                "{newer:?}"
            );
        }
        // The rest of what was authorised pays for nothing more: the capture may be under way, and its surplus goes back.
        let lowered = Tender { authorised_minor: 100, ..tender("stripe", 80, Authorised) };
        let back = |is_captured| {
            paying(
                &order(80, std::slice::from_ref(&lowered)),
                &order(100, std::slice::from_ref(&ours)),
                is_captured,
            )
        };
        assert_eq!((back(false), back(true)), (None, None));
        // Another line for the same money.
        assert_eq!(
            paying(&order(100, std::slice::from_ref(&ours)), &order(100, &[]), true),
            Some(vec![ours])
        );
    }

    #[test]
    fn our_capture_stays_ours_where_the_shop_calls_all_of_it_its_own() {
        let known = order(100, &[tender("stripe", 100, Authorised)]);
        let more = continued(&known, &order(130, &[tender("shop", 130, Captured)]), true);
        assert_eq!(told(&more), [("stripe", 100, 0, Authorised), ("shop", 30, 0, Captured)]);
        let less = continued(&known, &order(80, &[tender("shop", 80, Captured)]), true);
        assert_eq!(told(&less), [("stripe", 80, 100, Authorised)]);
    }

    #[test]
    fn a_capture_in_the_shop_is_news_of_what_was_authorised_there() {
        let shop = |state| [tender("shop", 100, state)];
        assert!(are_captured_since(&shop(Authorised), &shop(Captured)));
        assert!(!are_captured_since(&shop(Authorised), &shop(Authorised)));
        assert!(!are_captured_since(&shop(Captured), &shop(Captured)));
        assert!(!are_captured_since(&shop(Authorised), &[]));
        assert!(!are_captured_since(
            &shop(Authorised),
            &[shop(Captured), [tender("manual", 1, Pending)]].concat()
        ));
    }
}
