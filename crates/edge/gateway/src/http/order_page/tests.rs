//! The page in each state of an order, as it was reviewed.

use axum::http::StatusCode;
use despatch_contracts::order::{Line, Order};
use despatch_read_model::labels::LabelState;
use despatch_read_model::payments::{Payment, Refund};
use despatch_read_model::{CustomerOrder, OrderRecord, Parcel};
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use super::*;
use crate::http::pages::{OrderPage, Pages};
use crate::sources::address_form;

/// An order in a state, with parcels at these stages.
fn found(state: OrderState, stages: &[Option<ParcelStage>]) -> CustomerOrder {
    let line = |number, title: &str, quantity, removed| Line {
        number,
        sku: format!("SKU-{number}"),
        title: title.into(),
        quantity,
        removed,
        total_minor: 10_000,
        ..Line::default()
    };
    let order = Order {
        order_id: "0192-order".into(),
        shop_order_id: "820982911946154508".into(),
        number: "#5017".into(),
        currency: "USD".into(),
        total_minor: 21_345,
        lines: vec![line(1, "Bookcase <Somerset> & \"Co\"", 2, 0), line(2, "", 3, 1)],
        ship_to: Some(Address {
            name: "Zoë Müller".into(),
            street1: "1 Main Street".into(),
            city: "Henderson".into(),
            region: "KY".into(),
            postcode: "42420".into(),
            country: "US".into(),
            ..Address::default()
        }),
        ..Order::default()
    };
    let is_pickup = |stage| matches!(stage, Some(ParcelStage::Ready | ParcelStage::Collected));
    let parcel = |(number, stage): (u32, &Option<ParcelStage>)| Parcel {
        parcel: number,
        position: number,
        is_voided: false,
        carrier: match number {
            _ if is_pickup(*stage) => "pickup".into(),
            1 => "usps".into(),
            _ => "own".into(),
        },
        service: "usps_ground_advantage".into(),
        tracking_number: if is_pickup(*stage) { String::new() } else { format!("920550{number}") },
        label_id: format!("0192-order-{number}"),
        reason: "service-cheapest".into(),
        packed: None,
        label_state: Some(LabelState::Valid),
        stage: *stage,
    };
    let parcels = (1..).zip(stages).map(parcel).collect();
    let record = OrderRecord { state: state.name(), parcels, ..OrderRecord::placed() };
    CustomerOrder { order, record, ended_for: None }
}

/// The page between its headings and its footer.
async fn rendered(page: OrderPage, view: impl Serialize) -> String {
    let response = Pages::new("Quay Street Supplies").order(StatusCode::OK, page, view);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let html = String::from_utf8(body.to_vec()).unwrap();
    let (_, main) = html.split_once("<main>").unwrap();
    main.split_once("</main>").unwrap().0.trim().to_owned()
}

#[tokio::test]
async fn every_state_is_told_as_it_was_reviewed() {
    use ParcelStage::{Collected, Delivered, Despatched, Labelled, Picked, Ready, Returned};
    let stages: [&[Option<ParcelStage>]; 11] = [
        &[],
        &[],
        &[],
        &[Some(Picked)],
        &[Some(Labelled), Some(Labelled)],
        &[Some(Ready)],
        &[Some(Despatched)],
        &[Some(Delivered)],
        &[Some(Delivered)],
        &[],
        &[Some(Delivered), Some(Returned)],
    ];
    for (state, stages) in OrderState::ALL.iter().zip(stages) {
        let view = OrderView::new(&found(*state, stages), "token", "");
        insta::assert_snapshot!(state.name(), rendered(OrderPage::Order, view).await);
    }
    for (name, state, stages) in [
        ("partly-on-its-way", OrderState::Picked, [Some(Despatched), Some(Picked)]),
        ("partly-arrived", OrderState::Despatched, [Some(Delivered), Some(Despatched)]),
    ] {
        let view = OrderView::new(&found(state, &stages), "token", "");
        insta::assert_snapshot!(name, rendered(OrderPage::Order, view).await);
    }
    // Nothing is sent of one of these, and the other is collected.
    for (stages, heading) in
        [(&[][..], "Your order is complete"), (&[Some(Collected)], "You have collected your order")]
    {
        let view = OrderView::new(&found(OrderState::Completed, stages), "token", "");
        assert!(rendered(OrderPage::Order, view).await.contains(&format!("<h1>{heading}</h1>")));
    }
}

#[tokio::test]
async fn a_parcel_that_is_not_sent_is_not_shown_and_the_others_have_the_places_that_their_labels_say() {
    let mut found = found(OrderState::Labelled, &[Some(ParcelStage::Labelled); 3]);
    // Its label is valid until the carrier takes it back.
    found.record.parcels[0].is_voided = true;
    found.record.parcels[2].position = 1;
    let page = rendered(OrderPage::Order, OrderView::new(&found, "token", "")).await;
    assert!(!page.contains("9205501") && page.contains("9205502") && page.contains("9205503"), "{page}");
    assert!(
        page.contains("Parcel 1:") && page.contains("Parcel 2:") && !page.contains("Parcel 3:"),
        "{page}"
    );
}

#[tokio::test]
async fn refunds_that_are_made_or_under_way_are_told_and_refusals_are_not() {
    let mut found = found(OrderState::Cancelled, &[]);
    let refund = |id: &str, state: &str, made_at| Refund {
        refund_id: id.into(),
        state: state.into(),
        amount_minor: 500,
        currency: "USD".into(),
        reason: "operator-cancelled".into(),
        made_at,
        ..Refund::default()
    };
    let at = "2026-11-29T23:00:00Z".parse::<Timestamp>().ok();
    let refunds = vec![
        refund("r-1", "made", at),
        refund("r-2", "elsewhere", None),
        refund("r-3", "approved", None),
        refund("r-4", "refused", None),
    ];
    found.record.payment = Some(Payment { refunds, ..Payment::default() });
    let page = rendered(OrderPage::Order, OrderView::new(&found, "token", "Your order is cancelled.")).await;
    insta::assert_snapshot!("refunds", page);
    assert!(!page.contains("operator-cancelled") && !page.contains("r-1"));
}

#[tokio::test]
async fn the_forms_are_as_they_were_reviewed() {
    let open = found(OrderState::Paid, &[]);
    insta::assert_snapshot!("cancel", rendered(OrderPage::Cancel, CancelView::new(&open, "token")).await);
    let former = open.order.ship_to.clone().unwrap();
    let (typed, errors) =
        address_form::read(b"name=%22%3E%3Cscript%3E&city=Reno&region=&country=FR", &former);
    let view = AddressView::new(&open, "token", &typed, &errors);
    insta::assert_snapshot!("address-with-errors", rendered(OrderPage::Address, view).await);
    let mut collected = found(OrderState::Paid, &[]);
    collected.order.ship_to = None;
    let page = rendered(OrderPage::Order, OrderView::new(&collected, "token", "")).await;
    assert!(page.contains("/cancel") && !page.contains("/address"), "{page}");
    let view = AddressView::new(&collected, "token", &former, &[]);
    let page = rendered(OrderPage::Address, view).await;
    assert!(page.contains("This order has no address") && !page.contains("<form"), "{page}");
    for state in [OrderState::Despatched, OrderState::Delivered, OrderState::Cancelled, OrderState::Returned]
    {
        let closed = found(state, &[]);
        let cancel = rendered(OrderPage::Cancel, CancelView::new(&closed, "token")).await;
        let address = rendered(OrderPage::Address, AddressView::new(&closed, "token", &former, &[])).await;
        assert!(!cancel.contains("<form") && !address.contains("<form"), "{state}");
    }
}
