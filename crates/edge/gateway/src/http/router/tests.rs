//! Holds `openapi.json` to what is served: every path, every field that is read, every field that is answered.

use std::collections::BTreeSet;

use axum::response::IntoResponse as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sources::fields::json::Invalid;
use crate::sources::{order_json, review};
use despatch_read_model::messages::Message;
use despatch_read_model::orders::Step;
use despatch_read_model::payments::Payment;
use despatch_read_model::reviews::Review;
use despatch_read_model::{OrderRecord, Parcel};
use despatch_status::{OrderState, ParcelStage, ReviewState};
use jiff::Timestamp;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// The names of a schema's properties.
fn properties(schema: &str) -> BTreeSet<String> {
    names(&document()["components"]["schemas"][schema]["properties"])
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// The names that a closed JSON object may have, from what it says about one that it may not.
fn taken(invalid: &Invalid) -> BTreeSet<String> {
    let (_, expected) = invalid.problem.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_path_is_described_and_no_other() {
    let served: BTreeSet<String> = all().into_iter().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(names(&document()["paths"]), served);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    check(&document(), &document());
}

#[test]
fn the_example_order_has_every_field_and_is_read() {
    let order = document()["components"]["schemas"]["Order"].clone();
    let example = &order["examples"][0];
    for (object, schema) in [
        (example, "Order"),
        (&example["customer"], "Customer"),
        (&example["ship_to"], "Address"),
        (&example["lines"][0], "Line"),
        (&example["authorisation"], "Authorisation"),
    ] {
        assert_eq!(names(object), properties(schema), "{schema}");
    }
    let order = order_json::read(example.to_string().as_bytes()).unwrap();
    let charged = order.lines[0].total_minor + order.shipping_minor + order.tax_minor - order.discount_minor;
    assert_eq!(order.total_minor, charged);
}

#[test]
fn every_field_that_is_read_is_described() {
    for (body, schema) in [
        (json!({"?": 0}), "Order"),
        (json!({"customer": {"?": 0}}), "Customer"),
        (json!({"ship_to": {"?": 0}}), "Address"),
        (json!({"lines": [{"?": 0}]}), "Line"),
        (json!({"authorisation": {"?": 0}}), "Authorisation"),
    ] {
        let invalid = order_json::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(taken(&invalid), properties(schema), "{schema}");
    }
    let invalid = review::from_json(br#"{"?": 0}"#).unwrap_err();
    assert_eq!(taken(&invalid), properties("Answer"));
    let invalid = crate::sources::fields::json::read::<orders::Cancel>(br#"{"?": 0}"#).err().unwrap();
    assert_eq!(taken(&invalid), properties("Cancel"));
}

#[test]
fn what_is_required_is_missed() {
    let order = document()["components"]["schemas"]["Order"].clone();
    for (parent, schema) in [("", "Order"), ("/lines/0", "Line"), ("/authorisation", "Authorisation")] {
        let required = document()["components"]["schemas"][schema]["required"].clone();
        for name in properties(schema) {
            let mut without = order["examples"][0].clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&name);
            let read = order_json::read(without.to_string().as_bytes());
            let is_required = required.as_array().unwrap().iter().any(|it| *it == *name);
            assert_eq!(read.is_err(), is_required, "{schema}: {name}");
        }
    }
}

/// A record in which nothing is missing.
fn record() -> OrderRecord {
    let step = Step {
        at: Timestamp::UNIX_EPOCH,
        event: String::new(),
        from: Some(OrderState::Accepted),
        to: OrderState::Reserved,
        reason: String::new(),
        detail: String::new(),
    };
    let parcel = Parcel {
        parcel: 1,
        carrier: String::new(),
        service: String::new(),
        tracking_number: String::new(),
        label_id: String::new(),
        reason: String::new(),
        stage: Some(ParcelStage::Picked),
    };
    let review =
        Review { state: ReviewState::Answered, asks: 1, rating: Some(5), comment: Some(String::new()) };
    OrderRecord {
        timeline: vec![step],
        payment: Some(Payment::default()),
        parcels: vec![parcel],
        messages: vec![Message::default()],
        review: Some(review),
        ..OrderRecord::placed()
    }
}

#[test]
fn every_field_that_is_answered_is_described() {
    let shown = orders::Shown {
        order_id: Uuid::nil(),
        shop: String::new(),
        shop_order_id: String::new(),
        record: record(),
    };
    let shown = serde_json::to_value(shown).unwrap();
    let placed = orders::Placed { order_id: Uuid::nil(), outcome: "placed" };
    let placed = serde_json::to_value(placed).unwrap();
    for (answered, schema) in [
        (&shown, "OrderStatus"),
        (&shown["timeline"][0], "Step"),
        (&shown["payment"], "Payment"),
        (&shown["parcels"][0], "Parcel"),
        (&shown["messages"][0], "Message"),
        (&shown["review"], "Review"),
        (&placed, "Placed"),
    ] {
        assert_eq!(names(answered), properties(schema), "{schema}");
    }
}

#[tokio::test]
async fn refusals_have_the_shape_that_is_described() {
    let described = names(&document()["components"]["schemas"]["Error"]["properties"]["error"]["properties"]);
    let mut answered = BTreeSet::new();
    for refusal in [
        ApiError::Invalid(Invalid::new("total", "is required")),
        ApiError::OrderChanged { order_id: "o".into() },
    ] {
        let body = refusal.into_response().into_body().collect().await.unwrap().to_bytes();
        answered.extend(names(&serde_json::from_slice::<Value>(&body).unwrap()["error"]));
    }
    assert_eq!(answered, described);
}
