//! Each defect of an order is found under its reason, alone and together with others.

use despatch_contracts::order::{Charge, ChargeKind, Customer, Fulfilment};

use super::*;

fn charge(kind: ChargeKind, amount_minor: i64) -> Charge {
    Charge { kind: kind.into(), amount_minor, ..Charge::default() }
}

fn valid() -> Order {
    let line = |number, quantity, total_minor| Line {
        number,
        sku: format!("SKU-{number}"),
        title: "A thing".into(),
        quantity,
        total_minor,
        taxes: Vec::new(),
        ..Line::default()
    };
    Order {
        order_id: "o-1".into(),
        customer: Some(Customer { email: "ann@example.com".into(), ..Customer::default() }),
        ship_to: Some(Address {
            name: "Ann".into(),
            street1: "1 Main St".into(),
            city: "Springfield".into(),
            country: "US".into(),
            ..Address::default()
        }),
        lines: vec![line(1, 2, 2000), line(2, 1, 550)],
        currency: "USD".into(),
        charges: vec![charge(ChargeKind::Shipping, 500)],
        tax_minor: 200,
        discount_minor: 250,
        total_minor: 3000,
        ..Order::default()
    }
}

fn wrong(spoil: impl FnOnce(&mut Order)) -> Invalid {
    let mut order = valid();
    spoil(&mut order);
    validate(&order).expect_err("the order was spoilt")
}

#[test]
fn a_valid_order_passes() {
    assert_eq!(validate(&valid()), Ok(()));
}

#[test]
fn an_order_may_be_free_or_large() {
    let mut free = valid();
    free.discount_minor = 3250;
    free.total_minor = 0;
    assert_eq!(validate(&free), Ok(()));
    let mut large = valid();
    large.lines[0].quantity = 10_000;
    assert_eq!(validate(&large), Ok(()));
}

#[test]
fn fees_and_rounding_may_take_something_off() {
    let mut order = valid();
    order.charges.push(charge(ChargeKind::Fee, -1500));
    order.charges.push(charge(ChargeKind::Rounding, -1));
    order.charges.push(charge(ChargeKind::Duty, 1840));
    order.total_minor = 3000 - 1500 - 1 + 1840;
    assert_eq!(validate(&order), Ok(()));
}

#[test]
fn each_problem_has_its_reason() {
    type Spoil = fn(&mut Order);
    let table: &[(Spoil, Reason)] = &[
        (|o| o.ship_to = None, Reason::AddressMissing),
        (|o| o.ship_to.as_mut().unwrap().street1 = "  ".into(), Reason::AddressIncomplete),
        (|o| o.ship_to.as_mut().unwrap().city = String::new(), Reason::AddressIncomplete),
        (|o| o.ship_to.as_mut().unwrap().country = String::new(), Reason::AddressIncomplete),
        (|o| o.ship_to.as_mut().unwrap().country = "us".into(), Reason::AddressIncomplete),
        (|o| o.ship_to.as_mut().unwrap().country = "United States".into(), Reason::AddressIncomplete),
        (|o| o.ship_to.as_mut().unwrap().name = " ".into(), Reason::AddressIncomplete),
        (
            |o| {
                o.lines.clear();
                o.total_minor = 450;
            },
            Reason::LinesMissing,
        ),
        (|o| o.lines[0].sku = String::new(), Reason::SkuMissing),
        (|o| o.lines[0].sku = "A\0B".into(), Reason::SkuUnknown),
        (|o| o.lines[0].quantity = 0, Reason::QuantityInvalid),
        (|o| o.lines[0].quantity = -1, Reason::QuantityInvalid),
        (|o| o.lines[0].quantity = 10_001, Reason::QuantityInvalid),
        (|o| o.lines[0].quantity = i64::MAX, Reason::QuantityInvalid),
        (|o| o.lines[0].removed = -1, Reason::QuantityInvalid),
        (|o| o.lines[0].removed = 3, Reason::QuantityInvalid),
        (
            |o| {
                o.lines[1].total_minor = -550;
                o.total_minor = 1900;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.charges[0].amount_minor = -500;
                o.total_minor = 2000;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.charges.push(charge(ChargeKind::Duty, -1));
                o.total_minor = 2999;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.charges.push(charge(ChargeKind::Tip, -1));
                o.total_minor = 2999;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.charges.push(charge(ChargeKind::Unspecified, -1));
                o.total_minor = 2999;
            },
            Reason::AmountInvalid,
        ),
        (|o| o.charges.push(charge(ChargeKind::Rounding, 1)), Reason::TotalsMismatch),
        (|o| o.charges.clear(), Reason::TotalsMismatch),
        (
            |o| {
                o.tax_minor = -200;
                o.total_minor = 2600;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.discount_minor = -250;
                o.total_minor = 3500;
            },
            Reason::AmountInvalid,
        ),
        (
            |o| {
                o.discount_minor = 3251;
                o.total_minor = -1;
            },
            Reason::AmountInvalid,
        ),
        (|o| o.currency = String::new(), Reason::CurrencyUnknown),
        (|o| o.currency = "usd".into(), Reason::CurrencyUnknown),
        (|o| o.currency = "DEM".into(), Reason::CurrencyUnknown),
        (|o| o.total_minor += 1, Reason::TotalsMismatch),
        (|o| o.total_minor -= 1, Reason::TotalsMismatch),
        (|o| o.lines[0].total_minor = i64::MAX, Reason::TotalsMismatch),
    ];
    for (index, (spoil, reason)) in table.iter().enumerate() {
        let invalid = wrong(spoil);
        assert_eq!(invalid.reason(), *reason, "row {index}: {invalid}");
        assert!(invalid.others.is_empty(), "row {index} has one problem: {invalid}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_the_first_decides() {
    let invalid = wrong(|order| {
        order.total_minor = 1;
        order.lines[1].quantity = 0;
        order.lines[0].sku = String::new();
        order.ship_to = None;
    });
    assert_eq!(invalid.reason(), Reason::AddressMissing);
    assert_eq!(
        invalid.to_string(),
        "expected a shipping address, found none; line 1: expected a SKU, found none; \
         line 2: expected 1 to 10000 units, found 0; expected a total of 1 minor units, but the amounts add up to 3000"
    );
}

#[test]
fn an_empty_order_is_wrong_in_everything_that_it_lacks() {
    let invalid = validate(&Order::default()).unwrap_err();
    let reasons: Vec<_> = [&invalid.first].into_iter().chain(&invalid.others).map(Problem::reason).collect();
    let expected = [Reason::AddressMissing, Reason::LinesMissing, Reason::CurrencyUnknown];
    assert_eq!(reasons, expected);
}

#[test]
fn no_personal_data_is_told() {
    let invalid = wrong(|order| {
        let address = order.ship_to.as_mut().unwrap();
        address.name = String::new();
        address.street1 = "1 Private St".into();
    });
    assert!(!invalid.to_string().contains("Private"));
}

#[test]
fn nobody_has_to_be_reachable_by_mail() {
    for customer in [None, Some(Customer::default())] {
        assert_eq!(validate(&Order { customer, ..valid() }), Ok(()));
    }
}

#[test]
fn only_what_is_sent_needs_an_address_and_only_what_is_picked_a_sku() {
    for (fulfilment, needs_address, needs_sku) in [
        (Fulfilment::Unspecified, true, true),
        (Fulfilment::Ours, true, true),
        (Fulfilment::Pickup, false, true),
        (Fulfilment::OtherService, false, false),
        (Fulfilment::Digital, false, false),
        (Fulfilment::None, false, false),
    ] {
        let mut order = valid();
        order.lines.iter_mut().for_each(|line| line.fulfilment = fulfilment.into());
        let without = Order { ship_to: None, ..order.clone() };
        assert_eq!(validate(&without).is_err(), needs_address, "{fulfilment:?}");
        order.lines[0].sku = String::new();
        assert_eq!(validate(&order).is_err(), needs_sku, "{fulfilment:?}");
    }
    // Nothing of an order is sent that was refunded before.
    let mut refunded = Order { ship_to: None, ..valid() };
    refunded.lines.iter_mut().for_each(|line| line.removed = line.quantity);
    assert_eq!(validate(&refunded), Ok(()));
}

#[test]
fn a_refund_of_unknown_units_is_for_a_person_until_it_is_none() {
    let refunded = |kind| {
        let mut order = valid();
        order.charges.push(charge(kind, -1000));
        order.total_minor = 2000;
        validate(&order).map_err(|invalid| invalid.reason())
    };
    assert_eq!(refunded(ChargeKind::Refund), Err(Reason::RefundUnclear));
    assert_eq!(refunded(ChargeKind::Fee), Ok(()));
}
