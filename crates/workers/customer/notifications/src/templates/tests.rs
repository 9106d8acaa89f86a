//! The texts that customers read, whatever their name's script.

use despatch_contracts::order::{Address, Charge, ChargeKind, Fulfilment, Line, Order};
use despatch_contracts::shipment::Scan;

use super::*;

fn order() -> Order {
    let line = |number, title: &str, quantity, total_minor| Line {
        number,
        sku: format!("SKU-{number}"),
        title: title.into(),
        quantity,
        total_minor,
        taxes: Vec::new(),
        ..Line::default()
    };
    let charge = |kind: ChargeKind, title: &str, amount_minor| Charge {
        kind: kind.into(),
        title: title.into(),
        amount_minor,
        taxes: Vec::new(),
    };
    Order {
        shop_order_id: "CA-2017-152156".into(),
        currency: "USD".into(),
        lines: vec![line(1, "Bookcase <Somerset>", 2, 26_196), line(2, "", 1, 990)],
        ship_to: Some(Address {
            name: "Ирина Петрова".into(),
            street1: "ул. Ленина, 1".into(),
            city: "Казань".into(),
            postcode: "420111".into(),
            country: "RU".into(),
            ..Address::default()
        }),
        charges: vec![
            charge(ChargeKind::Shipping, "Flat <rate>", 500),
            charge(ChargeKind::Shipping, "", 100),
            charge(ChargeKind::Fee, "Voucher", -150),
            charge(ChargeKind::Fee, "", 50),
            charge(ChargeKind::Duty, "", 1_840),
            charge(ChargeKind::Tip, "Trinkgeld", 200),
            charge(ChargeKind::Rounding, "", -1),
        ],
        discount_minor: 1_000,
        total_minor: 28_725,
        ..Order::default()
    }
}

/// Everything that any message may say.
fn data(name: &str) -> TemplateData {
    let scan = TemplateData::of_scan(&Scan {
        // The first of two; it took the place of another one.
        parcel: 3,
        position: 1,
        parcels: 2,
        carrier: "dhl_express".into(),
        tracking_number: "JD0146".into(),
        ..Scan::default()
    });
    TemplateData {
        shop: "Quay Street Supplies".into(),
        name: name.into(),
        order: "CA-2017-152156".into(),
        parcel: scan.parcel,
        parcels: scan.parcels,
        carrier: scan.carrier,
        tracking_number: scan.tracking_number,
        tracking_url: scan.tracking_url,
        review_url: "https://shop.example/reviews/o/t".into(),
        unsubscribe_url: "https://shop.example/unsubscribe/o/t".into(),
        order_url: "https://shop.example/orders/o/t".into(),
        ..TemplateData::of_order(&order())
    }
}

fn render(milestone: Milestone, data: &TemplateData) -> Rendered {
    Templates::new().expect("every template can be read").render(milestone, data).expect("rendered")
}

#[test]
fn every_message_is_as_it_was_reviewed() {
    let names = ["Ирина Петрова", "田中太郎", "محمد علي", "Nguyễn Văn An", "Σοφία Παππά", "Zoë Müller", ""];
    for (milestone, name) in Milestone::ALL.into_iter().zip(names.into_iter().cycle()) {
        let mut data = data(name);
        if !milestone.is_transactional() {
            data.order_url.clear();
        }
        let Rendered { subject, text, html } = render(milestone, &data);
        let whole = format!("Subject: {subject}\n\n{text}\n-------- HTML --------\n{html}");
        insta::assert_snapshot!(milestone.name(), whole);
    }
}

#[test]
fn what_a_customer_typed_is_never_markup() {
    for milestone in Milestone::ALL {
        let data = data("<script>alert(1)</script> & \"Co\"");
        let html = render(milestone, &data).html;
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }
}

#[test]
fn one_parcel_is_not_counted() {
    let one = TemplateData { parcels: 1, ..data("Ada") };
    let rendered = render(Milestone::Despatched, &one);
    assert_eq!(rendered.subject, "Your order CA-2017-152156 is on its way");
    assert!(!rendered.text.contains("1 of"), "{}", rendered.text);
}

#[test]
fn the_first_message_promises_only_what_comes() {
    let mails = |ways: [Fulfilment; 2]| {
        let mut order = order();
        order.lines.iter_mut().zip(ways).for_each(|(line, way)| line.set_fulfilment(way));
        let Rendered { text, html, .. } = render(Milestone::Accepted, &TemplateData::of_order(&order));
        let promises = |mail: &str| {
            ["It goes to:", "on its way", "when the rest is ready", "when it is ready"]
                .map(|it| mail.contains(it))
        };
        assert_eq!(promises(&text), promises(&html));
        promises(&text)
    };
    assert_eq!(mails([Fulfilment::Ours, Fulfilment::OtherService]), [true, true, false, false]);
    assert_eq!(mails([Fulfilment::Ours, Fulfilment::Pickup]), [true, true, true, false]);
    assert_eq!(mails([Fulfilment::Pickup, Fulfilment::Digital]), [false, false, false, true]);
    assert_eq!(mails([Fulfilment::None, Fulfilment::Digital]), [false, false, false, false]);
}
