//! Events as JSON, for people. It follows the protobuf JSON mapping, with the fields' own names, with numbers as
//! numbers, and with the values of enums spelt as everywhere else (`second-class`).

use std::fmt;
use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, EnumDescriptor, Kind, MessageDescriptor,
    ReflectMessage as _, SerializeOptions,
};
use serde_json::Value;

use crate::events::message_of;
use crate::order::Order;

static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let compiled = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    DescriptorPool::decode(compiled.as_slice()).expect("the build compiled them")
});

/// A value that is not an event, in the conversion to JSON or back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// The type is unknown.
    #[error("expected the type of an event, found {0:?}")]
    Type(String),
    /// The payload does not match its type.
    #[error("payload: expected a {0}, found other bytes")]
    Payload(String),
    /// The JSON does not match the type: an unknown field, a wrong type, or no JSON at all.
    #[error("{path}: {why}")]
    Field {
        /// The path, e.g. `order.lines[0].quantity`; `.` for the whole value.
        path: String,
        /// The defect at that path.
        why: String,
    },
}

fn descriptor(event_type: &str) -> Result<MessageDescriptor, InvalidJson> {
    let name = message_of(event_type);
    name.and_then(|name| DESCRIPTORS.get_message_by_name(&name))
        .ok_or_else(|| InvalidJson::Type(event_type.to_owned()))
}

fn dynamic(event_type: &str, payload: Bytes) -> Result<DynamicMessage, InvalidJson> {
    let descriptor = descriptor(event_type)?;
    DynamicMessage::decode(descriptor, payload).map_err(|_| InvalidJson::Payload(event_type.to_owned()))
}

/// Converts an event's payload to JSON, with every field.
pub fn to_json(event_type: &str, payload: Bytes) -> Result<Value, InvalidJson> {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false)
        .skip_default_fields(false);
    let message = dynamic(event_type, payload)?;
    let json = message.serialize_with_options(serde_json::value::Serializer, &options);
    let mut json = json.map_err(|error| whole(&error))?;
    rename_values(&message.descriptor(), &mut json, &|of, value| {
        of.get_value_by_name(value).map(|known| short_name(of, known.name()))
    });
    Ok(json)
}

/// Converts JSON to an event's payload.
pub fn from_json(event_type: &str, text: &str) -> Result<Bytes, InvalidJson> {
    let descriptor = descriptor(event_type)?;
    let mut json: Value = serde_json::from_str(text).map_err(|error| whole(&error))?;
    rename_values(&descriptor, &mut json, &|of, value| {
        let mut known = of.values().map(|known| known.name().to_owned());
        known.find(|name| short_name(of, name) == value)
    });
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(descriptor, tracked, &options)
        .map_err(|error| InvalidJson::Field { path: place(track), why: error.to_string() })?;
    Ok(message.encode_to_vec().into())
}

/// A defect of the JSON as a whole.
fn whole(error: &serde_json::Error) -> InvalidJson {
    InvalidJson::Field { path: ".".to_owned(), why: error.to_string() }
}

/// Renames the value of every enum in a message's JSON; what `rename` does not know stays.
fn rename_values(
    message: &MessageDescriptor,
    json: &mut Value,
    rename: &impl Fn(&EnumDescriptor, &str) -> Option<String>,
) {
    let Value::Object(members) = json else { return };
    for (name, value) in members {
        let Some(field) = message.get_field_by_name(name) else { continue };
        let values = match value {
            Value::Array(values) => values.iter_mut().collect(),
            one => vec![one],
        };
        for value in values {
            match (field.kind(), value) {
                (Kind::Message(inner), value) => rename_values(&inner, value, rename),
                (Kind::Enum(of), Value::String(text)) => {
                    if let Some(renamed) = rename(&of, text) {
                        *text = renamed;
                    }
                }
                _ => {}
            }
        }
    }
}

/// `second-class` for `SERVICE_LEVEL_SECOND_CLASS` of `ServiceLevel`.
fn short_name(of: &EnumDescriptor, value: &str) -> String {
    let words = value.to_ascii_lowercase().replace('_', "-");
    let prefix = of.name().chars().flat_map(|letter| {
        let dash = letter.is_ascii_uppercase().then_some('-');
        dash.into_iter().chain([letter.to_ascii_lowercase()])
    });
    let prefix: String = prefix.skip(1).chain(['-']).collect();
    words.strip_prefix(&prefix).map_or(words.clone(), str::to_owned)
}

/// Returns the path at which a deserializer stopped.
fn place(track: serde_path_to_error::Track) -> String {
    let path = track.path().to_string();
    // The library writes `?` if there was no value at all.
    if path == "?" { ".".to_owned() } else { path }
}

/// Returns the order that an event carries, if its type carries one.
pub fn order_in(event_type: &str, payload: Bytes) -> Option<Order> {
    let message = dynamic(event_type, payload).ok()?;
    let order = message.get_field_by_name("order")?;
    order.as_message()?.transcode_to().ok()
}

/// A field in which two JSON values differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The path, e.g. `order.ship_to.street1`.
    pub path: String,
    /// The old value; `None` if there was none.
    pub old: Option<Value>,
    /// The new value; `None` if there is none.
    pub new: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        write!(f, "{}: {} -> {}", self.path, said(&self.old), said(&self.new))
    }
}

/// Lists the differences, field by field.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(olds)), Some(Value::Object(news))) => {
            let added = news.keys().filter(|name| !olds.contains_key(*name));
            for name in olds.keys().chain(added) {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&inner, olds.get(name), news.get(name), found);
            }
        }
        (Some(Value::Array(olds)), Some(Value::Array(news))) => {
            for place in 0..olds.len().max(news.len()) {
                compare(&format!("{path}[{place}]"), olds.get(place), news.get(place), found);
            }
        }
        _ if old == new => {}
        _ => found.push(Change { path: path.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::{Line, OrderPlaced, ServiceLevel};
    use crate::{Event, runtime};

    fn placed() -> OrderPlaced {
        let line = Line {
            number: 1,
            sku: "TEA".into(),
            quantity: 2,
            total_minor: 9_007_199_254_740_993,
            ..Line::default()
        };
        let placed_at = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
        let order = Order { order_id: "o-1".into(), lines: vec![line], placed_at, ..Order::default() };
        OrderPlaced { order: Some(Order { service_level: ServiceLevel::SameDay.into(), ..order }) }
    }

    fn payload() -> Bytes {
        placed().encode_to_vec().into()
    }

    #[test]
    fn what_is_shown_can_be_given_back() {
        let json = to_json(OrderPlaced::TYPE, payload()).unwrap();
        assert_eq!(json["order"]["lines"][0]["sku"], "TEA");
        assert_eq!(json["order"]["lines"][0]["title"], "", "what is empty is shown too");
        assert_eq!(json["order"]["service_level"], "same-day");
        assert_eq!(json["order"]["placed_at"], "2023-11-14T22:13:20Z");
        assert_eq!(json["order"]["lines"][0]["total_minor"], 9_007_199_254_740_993_i64);
        assert_eq!(from_json(OrderPlaced::TYPE, &json.to_string()).unwrap(), payload());
        assert_eq!(order_in(OrderPlaced::TYPE, payload()), placed().order);
    }

    #[test]
    fn the_values_of_enums_are_read_by_either_name() {
        for text in ["same-day", "SERVICE_LEVEL_SAME_DAY"] {
            let text = format!(r#"{{"order": {{"service_level": "{text}"}}}}"#);
            let payload = from_json(OrderPlaced::TYPE, &text).unwrap();
            let order = order_in(OrderPlaced::TYPE, payload).unwrap();
            assert_eq!(order.service_level(), ServiceLevel::SameDay, "{text}");
        }
    }

    #[test]
    fn every_type_of_event_has_a_form() {
        for event_type in crate::ALL {
            let json = to_json(event_type, Bytes::new()).unwrap();
            assert_eq!(from_json(event_type, &json.to_string()).unwrap(), Bytes::new(), "{event_type}");
        }
        assert_eq!(to_json("no.such", Bytes::new()), Err(InvalidJson::Type("no.such".into())));
        assert!(order_in(runtime::Settled::TYPE, Bytes::new()).is_none());
    }

    #[test]
    fn what_does_not_fit_is_said_where_it_stands() {
        for (text, path, word) in [
            (r#"{"order": {"colour": "red"}}"#, "order", "colour"),
            (r#"{"order": {"lines": [{"quantity": "many"}]}}"#, "order.lines[0].quantity", "digit"),
            (r#"{"order": {"lines": 3}}"#, "order.lines", "invalid type"),
            (r#"{"order": {"placed_at": "yesterday"}}"#, "order.placed_at", "timestamp"),
            (r#"{"order": {"service_level": "SOON"}}"#, "order.service_level", "SOON"),
            ("{", ".", "EOF"),
            ("{} {}", ".", "trailing"),
        ] {
            let Err(InvalidJson::Field { path: found, why }) = from_json(OrderPlaced::TYPE, text) else {
                panic!("{text} was taken")
            };
            assert!(found == path && why.contains(word), "{text}: {found}: {why}");
        }
    }

    #[test]
    fn changes_name_the_field_and_both_values() {
        let old = json!({"order": {"city": "Leds", "lines": [{"quantity": 1}, {"quantity": 2}]}});
        let new = json!({"order": {"city": "Leeds", "lines": [{"quantity": 1}], "note": "x"}});
        let said: Vec<String> = changes(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                r#"order.city: "Leds" -> "Leeds""#,
                r#"order.lines[1]: {"quantity":2} -> nothing"#,
                r#"order.note: nothing -> "x""#
            ]
        );
        assert!(changes(&old, &old).is_empty());
    }
}
