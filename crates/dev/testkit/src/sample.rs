//! Sample events.

use despatch_contracts::order::{
    Address, Charge, ChargeKind, Customer, Line, Order, ServiceLevel, Tender, TenderState,
};
use prost_types::Timestamp;
use serde_json::{Value, json};

/// Returns a valid order: two lines, 100.00 + 23.45 + 5.00 shipping + 1.55 tax = 130.00 USD, all of it authorised.
pub fn order(order_id: &str) -> Order {
    Order {
        order_id: order_id.to_owned(),
        shop: "test".to_owned(),
        shop_order_id: format!("T-{order_id}"),
        channel: "api".to_owned(),
        placed_at: Some(Timestamp { seconds: 1_780_000_000, nanos: 0 }),
        customer: Some(Customer {
            customer_id: "C-1".to_owned(),
            name: "Zoë Müller".to_owned(),
            email: "zoe@example.com".to_owned(),
            ..Customer::default()
        }),
        ship_to: Some(Address {
            name: "Zoë Müller".to_owned(),
            street1: "1 Main Street".to_owned(),
            city: "Henderson".to_owned(),
            region: "KY".to_owned(),
            postcode: "42420".to_owned(),
            country: "US".to_owned(),
            ..Address::default()
        }),
        lines: vec![
            Line {
                number: 1,
                sku: "SKU-A".to_owned(),
                title: "Bookcase".to_owned(),
                quantity: 2,
                total_minor: 10_000,
                taxes: Vec::new(),
                ..Line::default()
            },
            Line {
                number: 2,
                sku: "SKU-B".to_owned(),
                title: "Stapler".to_owned(),
                quantity: 1,
                total_minor: 23_45,
                taxes: Vec::new(),
                ..Line::default()
            },
        ],
        currency: "USD".to_owned(),
        charges: vec![Charge {
            kind: ChargeKind::Shipping.into(),
            title: "Standard".to_owned(),
            amount_minor: 5_00,
            taxes: Vec::new(),
        }],
        tax_minor: 1_55,
        discount_minor: 0,
        total_minor: 13_000,
        service_level: ServiceLevel::Standard.into(),
        tenders: vec![Tender {
            provider: "fake".to_owned(),
            reference: format!("auth-{order_id}"),
            amount_minor: 13_000,
            currency: "USD".to_owned(),
            state: TenderState::Authorised.into(),
            ..Tender::default()
        }],
        ..Order::default()
    }
}

/// Returns a valid order as a shop sends it to `POST /v1/orders`: 19.00 USD, all of it authorised.
pub fn order_json(shop: &str, shop_order_id: &str) -> Value {
    json!({
        "shop": shop,
        "shop_order_id": shop_order_id,
        "customer": {"customer_id": "c-1", "name": "Zoë Müller", "email": "zoe@example.com"},
        "ship_to": {"name": "Zoë Müller", "street1": "1 Main St", "city": "Henderson", "region": "KY",
                    "postcode": "42420", "country": "US"},
        "lines": [{"sku": "A", "title": "Bookcase", "quantity": 2, "total": "10.00"},
                  {"sku": "B", "title": "Stapler", "quantity": 1, "total": "5.00"}],
        "currency": "USD", "shipping": "3.50", "tax": "1.00", "discount": "0.50", "total": "19.00",
        "service_level": "second-class",
        "authorisation": {"provider": "fake", "reference": "auth-1", "amount": "19.00"}
    })
}
