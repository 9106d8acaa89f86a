//! Compares the API's description with the routes: every parsed field, every field of an answer. Compares the committed
//! description with the generated one.

use std::collections::BTreeSet;
use std::{env, fs};

use axum::response::IntoResponse as _;
use despatch_read_model::labels::{LabelState, Packed};
use despatch_read_model::messages::Message;
use despatch_read_model::orders::Step;
use despatch_read_model::payments::Payment;
use despatch_read_model::reviews::Review;
use despatch_read_model::{OrderRecord, Parcel};
use despatch_status::{OrderState, ParcelStage, ReviewState};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::http::routes::orders;
use crate::sources::fields::json::Invalid;
use crate::sources::{order_json, review};

/// The committed description, for readers of the repository and the checks in `deploy/checks`.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn described() -> Value {
    serde_json::from_str(&document()).unwrap()
}

/// Returns the names of a schema's properties, and of those of the schemas that it consists of.
fn properties(schema: &str) -> BTreeSet<String> {
    fn all(schema: &Value, document: &Value) -> BTreeSet<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            return all(document.pointer(reference.trim_start_matches('#')).unwrap(), document);
        }
        match schema["allOf"].as_array() {
            Some(parts) => parts.iter().flat_map(|part| all(part, document)).collect(),
            None => names(&schema["properties"]),
        }
    }
    let document = described();
    all(&document["components"]["schemas"][schema], &document)
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// Returns the names that a closed JSON object may have, from its error about another one.
fn taken(invalid: &Invalid) -> BTreeSet<String> {
    let (_, expected) = invalid.problem.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_committed_description_is_what_the_code_says() {
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(COMMITTED, document()).unwrap();
    }
    let committed = fs::read_to_string(COMMITTED).unwrap();
    let how = "write it again: UPDATE_OPENAPI=1 cargo test -p despatch-gateway --lib router";
    assert!(committed == document(), "openapi.json is not what the code says; {how}");
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
    check(&described(), &described());
}

#[test]
fn the_example_order_has_every_field_and_is_read() {
    let order = described()["components"]["schemas"]["Order"].clone();
    let example = &order["examples"][0];
    for (object, schema) in [
        (example, "Order"),
        (&example["customer"], "Customer"),
        (&example["ship_to"], "Address"),
        (&example["lines"][0], "Line"),
        (&example["lines"][0]["taxes"][0], "Tax"),
        (&example["charges"][0], "Charge"),
        (&example["authorisation"], "Authorisation"),
        (&example["tenders"][0], "Tender"),
    ] {
        assert_eq!(names(object), properties(schema), "{schema}");
    }
    let order = order_json::read(example.to_string().as_bytes()).unwrap();
    assert_eq!(i128::from(order.total_minor), order.parts_minor());
}

#[test]
fn every_field_that_is_read_is_described() {
    for (body, schema) in [
        (json!({"?": 0}), "Order"),
        (json!({"customer": {"?": 0}}), "Customer"),
        (json!({"ship_to": {"?": 0}}), "Address"),
        (json!({"lines": [{"?": 0}]}), "Line"),
        (json!({"lines": [{"taxes": [{"?": 0}]}]}), "Tax"),
        (json!({"charges": [{"?": 0}]}), "Charge"),
        (json!({"authorisation": {"?": 0}}), "Authorisation"),
        (json!({"tenders": [{"?": 0}]}), "Tender"),
    ] {
        let invalid = order_json::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(taken(&invalid), properties(schema), "{schema}");
    }
    let invalid = review::from_json(br#"{"?": 0}"#).unwrap_err();
    assert_eq!(taken(&invalid), properties("SubmittedReview"));
    let invalid = crate::sources::fields::json::read::<orders::Cancel>(br#"{"?": 0}"#).err().unwrap();
    assert_eq!(taken(&invalid), properties("Cancel"));
    let invalid = crate::sources::fields::json::read::<orders::RefundJson>(br#"{"?": 0}"#).err().unwrap();
    assert_eq!(taken(&invalid), properties("Refund"));
}

#[test]
fn every_field_of_a_command_about_stock_is_described() {
    use crate::sources::fields::json::read;
    use crate::sources::stock_json::{
        AdjustmentsJson, ArrivalJson, CountsJson, ItemsJson, LocationJson, ReceiptJson, TransferJson,
    };
    let whole = br#"{"?": 0}"#;
    let row = br#"{"rows": [{"?": 0}]}"#;
    for (invalid, schema) in [
        (read::<ReceiptJson>(whole).err(), "Receipt"),
        (read::<ReceiptJson>(row).err(), "ReceiptRow"),
        (read::<AdjustmentsJson>(whole).err(), "Adjustments"),
        (read::<AdjustmentsJson>(row).err(), "Adjustment"),
        (read::<CountsJson>(whole).err(), "Counts"),
        (read::<CountsJson>(row).err(), "Count"),
        (read::<TransferJson>(whole).err(), "Transfer"),
        (read::<TransferJson>(row).err(), "TransferRow"),
        (read::<ArrivalJson>(whole).err(), "TransferArrival"),
        (read::<ArrivalJson>(row).err(), "ArrivedRow"),
        (read::<ItemsJson>(whole).err(), "Items"),
        (read::<ItemsJson>(br#"{"items": [{"?": 0}]}"#).err(), "ItemSettings"),
        (read::<ItemsJson>(br#"{"items": [{"barcodes": [{"?": 0}]}]}"#).err(), "Barcode"),
        (read::<LocationJson>(whole).err(), "LocationSettings"),
        (read::<LocationJson>(br#"{"address": {"?": 0}}"#).err(), "LocationAddress"),
    ] {
        assert_eq!(taken(&invalid.unwrap()), properties(schema), "{schema}");
    }
}

#[test]
fn what_is_required_is_missed() {
    let order = described()["components"]["schemas"]["Order"].clone();
    for (parent, schema) in [
        ("", "Order"),
        ("/lines/0", "Line"),
        ("/lines/0/taxes/0", "Tax"),
        ("/charges/0", "Charge"),
        ("/tenders/0", "Tender"),
        ("/authorisation", "Authorisation"),
    ] {
        let required = described()["components"]["schemas"][schema]["required"].clone();
        for name in properties(schema) {
            let mut without = order["examples"][0].clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&name);
            let read = order_json::read(without.to_string().as_bytes());
            let is_required = required.as_array().unwrap().iter().any(|it| *it == *name);
            assert_eq!(read.is_err(), is_required, "{schema}: {name}");
        }
    }
}

/// Returns a record without a missing value.
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
        position: 1,
        is_voided: false,
        carrier: String::new(),
        service: String::new(),
        tracking_number: String::new(),
        label_id: String::new(),
        reason: String::new(),
        packed: Some(Packed {
            grams: 1350,
            length_mm: 400,
            width_mm: 300,
            height_mm: 200,
            assumed_weights: vec!["SKU-A".to_owned()],
            unknown_sides: vec![],
        }),
        label_state: Some(LabelState::Valid),
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
    let shown = orders::OrderStatus {
        order_id: Uuid::nil(),
        shop: String::new(),
        shop_order_id: String::new(),
        record: record(),
    };
    let shown = serde_json::to_value(shown).unwrap();
    let placed = orders::Placed { order_id: Uuid::nil(), outcome: orders::Outcome::Placed };
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
async fn errors_have_the_shape_that_is_described() {
    let described =
        names(&described()["components"]["schemas"]["Error"]["properties"]["error"]["properties"]);
    let mut answered = BTreeSet::new();
    for error in [
        ApiError::Invalid(Invalid::new("total", "is required")),
        ApiError::OrderChanged { order_id: "o".into() },
    ] {
        let body = error.into_response().into_body().collect().await.unwrap().to_bytes();
        answered.extend(names(&serde_json::from_slice::<Value>(&body).unwrap()["error"]));
    }
    assert_eq!(answered, described);
}
