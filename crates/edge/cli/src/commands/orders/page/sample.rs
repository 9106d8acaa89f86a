//! Orders to show.

use despatch_contracts::order::{
    Address, Charge, ChargeKind, Customer, Line, Order, TaxLine, Tender, TenderState,
};
use despatch_read_model::cases::OrderCase;
use despatch_read_model::labels::{LabelState, Packed};
use despatch_read_model::messages::Message;
use despatch_read_model::orders::Step;
use despatch_read_model::payments::{self, Payment};
use despatch_read_model::placed::PlacedOrder;
use despatch_read_model::reviews::Review;
use despatch_read_model::{OrderRecord, Parcel};
use despatch_status::{OrderState, ParcelStage, ReviewState};
use jiff::Timestamp;

use super::OrderPage;

const RECEIVED: &str = "2026-11-29T17:36:03.052Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment of that evening.
fn evening(time: &str) -> Timestamp {
    at(&format!("2026-11-29T{time}Z"))
}

fn placed() -> PlacedOrder {
    PlacedOrder {
        order_id: "01a22860-d08a-7269-9300-64885b2015be".to_owned(),
        shop: "north".to_owned(),
        shop_order_id: "1001".to_owned(),
        received_at: at(RECEIVED),
        trace_id: "586821a1c2d3e4f5061728394a5b6c7d".to_owned(),
    }
}

fn ordered() -> Order {
    let line = |number, sku: &str, title: &str, quantity, total_minor| Line {
        number,
        sku: sku.to_owned(),
        title: title.to_owned(),
        quantity,
        total_minor,
        taxes: Vec::new(),
        ..Line::default()
    };
    let vat = TaxLine { title: "KY".to_owned(), rate_ppm: 60_000, amount_minor: 21 };
    let placed_at = at(RECEIVED);
    Order {
        shop: "north".to_owned(),
        shop_order_id: "1001".to_owned(),
        placed_at: Some(prost_types::Timestamp { seconds: placed_at.as_second(), nanos: 0 }),
        customer: Some(Customer {
            customer_id: "C-1".to_owned(),
            name: "Zoë Müller".to_owned(),
            email: "zoe@example.com".to_owned(),
            ..Customer::default()
        }),
        ship_to: Some(Address {
            name: "Zoë Müller".to_owned(),
            street1: "1 Main Street".to_owned(),
            city: "Louisville".to_owned(),
            region: "KY".to_owned(),
            postcode: "40202".to_owned(),
            country: "US".to_owned(),
            ..Address::default()
        }),
        lines: vec![
            line(1, "FUR-BO-10001798", "Bush Somerset Collection Bookcase, five shelves, oak", 2, 1000),
            line(2, "OFF-BI-10003910", "Binder", 10, 0),
        ],
        currency: "USD".to_owned(),
        charges: vec![Charge {
            kind: ChargeKind::Shipping.into(),
            title: "Standard".to_owned(),
            amount_minor: 350,
            taxes: vec![vat],
        }],
        tax_minor: 80,
        discount_minor: 100,
        total_minor: 1330,
        tenders: vec![Tender {
            provider: "stripe".to_owned(),
            reference: "pi_3xy".to_owned(),
            amount_minor: 1330,
            currency: "USD".to_owned(),
            state: TenderState::Authorised.into(),
            ..Tender::default()
        }],
        ..Order::default()
    }
}

fn case() -> OrderCase {
    OrderCase {
        number: 12,
        order_id: placed().order_id,
        handler: "orders.accept".to_owned(),
        reason: "address-incomplete".to_owned(),
        error: "the country \"QQ\" is no ISO 3166-1 alpha-2 code".to_owned(),
        state: "open".to_owned(),
        resolution: None,
        opened_at: evening("17:36:04"),
        updated_at: evening("17:36:04"),
    }
}

fn step(time: &str, event: &str, (from, to): (Option<OrderState>, OrderState), detail: &str) -> Step {
    Step {
        at: evening(time),
        event: event.to_owned(),
        from,
        to,
        reason: "step-done".to_owned(),
        detail: detail.to_owned(),
    }
}

fn page(contents: Option<Order>, record: Option<OrderRecord>, cases: Vec<OrderCase>) -> OrderPage {
    OrderPage { placed: placed(), contents, record, cases, now: evening("17:57:30") }
}

fn record(state: OrderState, timeline: Vec<Step>) -> OrderRecord {
    OrderRecord {
        state: state.name(),
        currency: "USD".to_owned(),
        total_minor: 1330,
        timeline,
        ..OrderRecord::placed()
    }
}

/// An order that went well, after a case.
pub(in crate::commands::orders) fn delivered() -> OrderPage {
    use OrderState::{Accepted, Delivered, Despatched, Labelled, Paid, Picked, Reserved};
    let timeline = vec![
        step("17:36:03.1", "order.placed", (None, Accepted), "2 lines from north by api"),
        step("17:50:00", "stock.reserved", (Some(Accepted), Reserved), "2 allocations"),
        step("17:50:01", "payment.captured", (Some(Reserved), Paid), "13.30 USD, ch_3bp"),
        step("17:50:02", "stock.picked", (Some(Paid), Picked), "parcel 1 of 1, at louisville"),
        step("17:50:03", "label.created", (Some(Picked), Labelled), "parcel 1 of 1, usps ground 92055969"),
        step(
            "17:51:00",
            "shipment.despatched",
            (Some(Labelled), Despatched),
            "parcel 1 of 1, usps 92055969 at 2026-11-29T17:51:00Z: left the depot",
        ),
        step("17:55:00", "shipment.delivered", (Some(Despatched), Delivered), "parcel 1 of 1, usps 92055969"),
    ];
    let mail = |milestone: &str, time: &str| Message {
        milestone: milestone.to_owned(),
        part: "0".to_owned(),
        message_id: format!("{milestone}@shop.example"),
        sent_at: evening(time),
    };
    let record = OrderRecord {
        payment: Some(Payment {
            tenders: vec![payments::Tender {
                number: 1,
                provider: "stripe".to_owned(),
                authorisation: "pi_3xy".to_owned(),
                capture: "ch_3bp".to_owned(),
                currency: "USD".to_owned(),
                captured_minor: 1330,
                refunded_minor: 0,
                captured_at: evening("17:50:01"),
            }],
            ..Payment::default()
        }),
        parcels: vec![Parcel {
            parcel: 1,
            position: 1,
            is_voided: false,
            carrier: "usps".to_owned(),
            service: "usps_ground_advantage".to_owned(),
            tracking_number: "9205596900000000000000".to_owned(),
            label_id: "01a22860-d08a-7269-9300-64885b2015be-1".to_owned(),
            reason: "service-cheapest".to_owned(),
            packed: Some(Packed {
                grams: 1850,
                length_mm: 400,
                width_mm: 300,
                height_mm: 200,
                assumed_weights: vec!["OFF-BI-10003910".to_owned()],
                unknown_sides: vec![],
            }),
            label_state: Some(LabelState::Valid),
            stage: Some(ParcelStage::Delivered),
        }],
        messages: vec![mail("accepted", "17:36:05"), mail("despatched", "17:51:01")],
        review: Some(Review { state: ReviewState::Asking, asks: 1, rating: None, comment: None }),
        ..record(Delivered, timeline)
    };
    let resolved = OrderCase {
        reason: "stock-short".to_owned(),
        error: "10 of OFF-BI-10003910 wanted, 0 there".to_owned(),
        state: "resolved".to_owned(),
        resolution: Some("replayed".to_owned()),
        updated_at: evening("17:50:00.5"),
        ..case()
    };
    page(Some(ordered()), Some(record), vec![resolved])
}

/// An order that was cancelled before anything was captured, and that an old case still waits for.
pub(in crate::commands::orders) fn cancelled() -> OrderPage {
    use OrderState::{Accepted, Cancelled};
    let asked = step(
        "17:56:03",
        "order.cancel-requested",
        (Some(Accepted), Cancelled),
        "asked for by operator ann: out of print",
    );
    let timeline = vec![
        step("17:36:03.1", "order.placed", (None, Accepted), "2 lines from north by api"),
        Step { reason: "operator-cancelled".to_owned(), ..asked },
        step("17:56:04", "payment.voided", (Some(Cancelled), Cancelled), "pi_3xy: out of print"),
    ];
    let case = OrderCase {
        reason: "stock-short".to_owned(),
        error: "10 of OFF-BI-10003910 wanted, 0 there".to_owned(),
        ..case()
    };
    page(Some(ordered()), Some(record(Cancelled, timeline)), vec![case])
}

/// An order that orders could not accept.
pub(in crate::commands::orders) fn not_accepted() -> OrderPage {
    page(Some(Order { customer: None, ..ordered() }), None, vec![case()])
}

/// An order with a charge of each kind.
pub(super) fn charged() -> OrderPage {
    let charge = |kind: ChargeKind, amount_minor| Charge {
        kind: kind.into(),
        title: String::new(),
        amount_minor,
        taxes: Vec::new(),
    };
    let mut order = ordered();
    order.charges.extend([
        charge(ChargeKind::Shipping, 725),
        charge(ChargeKind::Rounding, -1),
        charge(ChargeKind::Fee, -150),
        charge(ChargeKind::Duty, 1840),
        charge(ChargeKind::Tip, 500),
    ]);
    order.total_minor = 4244;
    page(Some(order), None, Vec::new())
}

/// An order that orders has not consumed yet.
pub(super) fn unknown() -> OrderPage {
    page(None, None, Vec::new())
}
