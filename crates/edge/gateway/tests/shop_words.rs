//! The gateway and the stand-in shop of chaos agree on each word of the shop: which units stand, and what they cost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

use std::collections::BTreeMap;

use despatch_contracts::order::TenderState;
use despatch_gateway::shopify;
use despatch_scenario::shopify::{History, Payment, ShopifyOrder};
use despatch_scenario::{Rng, sample};

#[test]
fn each_snapshot_is_read_as_the_shop_means_it() {
    let orders = sample::orders().unwrap();
    let mut rng = Rng::new(3);
    let (mut read, mut cancelled) = (0, 0);
    for (number, file_order) in (1..).zip(&orders[..300]) {
        let mut order = ShopifyOrder::placed(file_order, number, 1_790_000_000).unwrap();
        let payment = Payment::draw(&mut rng);
        if payment == Payment::AtStripe {
            order = order.authorised(format!("pi_{number}"));
        }
        for word in History::draw(order, payment, &mut rng).words {
            let Some(wanted) = word.wanted else { continue };
            if wanted.is_cancelled {
                cancelled += 1;
                continue;
            }
            let order = shopify::read(word.body.to_string().as_bytes(), "north").unwrap();
            let told = format!("{number} {}: {:#}", word.topic, word.body);
            let mut units = BTreeMap::<String, i64>::new();
            for line in order.lines.iter().filter(|line| line.quantity > line.removed) {
                *units.entry(line.sku.clone()).or_default() += line.quantity - line.removed;
            }
            assert_eq!((units, order.total_minor), (wanted.units, wanted.total_minor), "{told}");
            let lines: i64 = order.lines.iter().map(|line| line.total_minor).sum();
            let charges: i64 = order.charges.iter().map(|charge| charge.amount_minor).sum();
            assert_eq!(lines + charges, order.total_minor, "{told}");
            let due: i64 = order.tenders.iter().map(|tender| tender.amount_minor).sum();
            assert_eq!(due, order.total_minor, "{told}");
            let ours = order.tenders.iter().find(|tender| tender.provider == "stripe");
            if wanted.is_paid {
                assert_eq!(ours.map_or(0, |tender| tender.amount_minor), wanted.at_stripe_minor, "{told}");
            }
            let is_pending = order.tenders.iter().any(|tender| tender.state() == TenderState::Pending);
            assert!(!(is_pending && wanted.is_paid), "{told}");
            read += 1;
        }
    }
    assert!(read > 500 && cancelled > 40, "{read} {cancelled}");
}
