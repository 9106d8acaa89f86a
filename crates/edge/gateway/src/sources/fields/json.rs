//! Parses JSON bodies of shops: a missing or null field is empty, and an error names a field of the wrong shape by its
//! path in the body.

use std::borrow::Cow;

use despatch_domain::text::truncate;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// A body that does not have the expected shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The path, such as `line_items[0].price`, or `body` for the whole.
    pub field: String,
    /// The expected and the found value.
    pub problem: String,
}

impl Invalid {
    /// Creates an error. Both texts may quote the body and are shortened, because people read them, however long the
    /// body was.
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        Invalid {
            field: truncate(&field, LONGEST_FIELD).into_owned(),
            problem: truncate(&problem, LONGEST_PROBLEM).into_owned(),
        }
    }
}

/// The longest field that an error names, in characters.
const LONGEST_FIELD: usize = 150;

/// The longest problem that an error describes, in characters.
const LONGEST_PROBLEM: usize = 500;

/// Parses the one JSON object of a body.
///
/// Within it a list may stand for an object, its members in order, because PHP writes an empty object as `[]`.
pub(crate) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Invalid> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Invalid::new("body", "expected a JSON object"));
    }
    // Tracking the path costs time, so it is done only for a body that is known to be wrong.
    serde_json::from_slice(body).or_else(|_| read_with_path(body))
}

fn read_with_path<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Invalid> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // The path is empty for an empty name.
        let field = if path.is_empty() || path == "." { "body".to_owned() } else { path };
        Invalid::new(field, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| Invalid::new("body", error.to_string()))?;
    Ok(value)
}

/// Returns the value; an error if it is missing.
pub(crate) fn required<T>(value: Option<T>, field: impl FnOnce() -> String) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field(), "is required"))
}

/// The longest accepted natural key, in bytes. It must fit an index tuple together with others.
const LONGEST_KEY: usize = 200;

/// Checks a part of a natural key, such as an order's id at its shop.
pub(crate) fn key(text: String, field: &str) -> Result<String, Invalid> {
    match text.len() {
        0 => Err(Invalid::new(field, "is required")),
        1..=LONGEST_KEY => Ok(text),
        _ => Err(Invalid::new(field, format!("expected at most {LONGEST_KEY} bytes"))),
    }
}

/// Returns an error for a text that is longer than its limit, in characters.
pub(crate) fn at_most(texts: &[(&'static str, &str, usize)]) -> Result<(), Invalid> {
    match texts.iter().find(|(_, text, limit)| text.chars().count() > *limit) {
        Some((field, _, limit)) => Err(Invalid::new(*field, format!("expected at most {limit} characters"))),
        None => Ok(()),
    }
}

/// Treats `null` as missing.
pub(crate) fn or_default<'de, D, T>(json: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

/// Parses text without surrounding white space; empty if it is null.
///
/// U+0000 is refused on receipt, because JSON can hold it, PostgreSQL cannot, and no name or address contains it.
pub(crate) fn text<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    trimmed(or_default(json)?)
}

fn trimmed<E: de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') {
        return Err(E::custom("expected text without U+0000"));
    }
    let trimmed = text.trim();
    Ok(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
}

/// Parses a list of texts as [`text`] does each.
pub(crate) fn texts<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    or_default::<D, Vec<String>>(json)?.into_iter().map(trimmed).collect()
}

/// Parses text as [`text`] does, and decodes its HTML entities: WordPress stores names as they stand in a page, such as
/// `Ben &amp; Jerry&#8217;s`.
pub(crate) fn words<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    let text = text(json)?;
    match html_escape::decode_html_entities(&text) {
        Cow::Borrowed(_) => Ok(text),
        Cow::Owned(decoded) => trimmed(decoded),
    }
}

/// Parses a number of units. PHP writes a whole number as `2`, `2.0` or `"2"`.
pub(crate) fn units<'de, D: Deserializer<'de>>(json: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(json)?;
    let whole = |number: f64| {
        #[allow(clippy::cast_possible_truncation, reason = "whole, and far below 2^53")]
        (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
    };
    let read = match &value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(whole)),
        _ => None,
    };
    read.map(Some)
        .ok_or_else(|| de::Error::custom(format_args!("expected a whole number of units, found {value}")))
}

/// Parses a yes or no. PHP writes it as `true`, `1`, `"1"`, `"yes"` or `"true"`; anything else is no.
pub(crate) fn yes<'de, D: Deserializer<'de>>(json: D) -> Result<bool, D::Error> {
    Ok(is_yes(&Value::deserialize(json)?))
}

/// Returns whether a value says yes; see [`yes`].
pub(crate) fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => ["1", "yes", "true", "on"].contains(&&*text.trim().to_ascii_lowercase()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A shop's id. WordPress and Shopify use numbers, others text.
pub(crate) struct Id;

/// Parses an [`Id`]; empty if it is null.
pub(crate) fn id<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    json.deserialize_any(Id)
}

impl<'de> Visitor<'de> for Id {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an id: a whole number or text")
    }

    fn visit_u64<E>(self, id: u64) -> Result<String, E> {
        Ok(id.to_string())
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<String, E> {
        trimmed(id.to_owned())
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_none<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<String, D::Error> {
        json.deserialize_any(Id)
    }
}

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::String, Type::Integer]);
        ObjectBuilder::new()
            .schema_type(types)
            .description(Some("Text or a whole number."))
            .max_length(Some(LONGEST_KEY))
            .into()
    }
}

impl ToSchema for Id {}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Body {
        #[serde(default, deserialize_with = "id")]
        id: String,
        #[serde(default, deserialize_with = "text")]
        name: String,
        #[serde(default, deserialize_with = "or_default")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Line {
        quantity: Option<i64>,
    }

    fn refused(body: &str) -> Invalid {
        read::<Body>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn missing_and_null_are_empty() {
        let empty = Body { id: String::new(), name: String::new(), lines: Vec::new() };
        assert_eq!(read(b"{}"), Ok(Body { ..empty }));
        assert_eq!(
            read(br#"{"id": null, "name": null, "lines": null}"#),
            Ok(Body { id: String::new(), name: String::new(), lines: Vec::new() })
        );
    }

    #[test]
    fn ids_are_numbers_or_text() {
        for (json, expected) in
            [("7", "7"), ("\" 7 \"", "7"), ("18446744073709551615", "18446744073709551615")]
        {
            assert_eq!(read::<Body>(format!("{{\"id\": {json}}}").as_bytes()).unwrap().id, expected);
        }
        for json in ["-1", "1.5", "true", "[]", "{}", r#""\u0000""#] {
            assert_eq!(refused(&format!("{{\"id\": {json}}}")).field, "id", "{json}");
        }
    }

    #[test]
    fn the_wrong_field_is_named_by_its_path() {
        let invalid = refused(r#"{"lines": [{"quantity": 1}, {"quantity": "two"}]}"#);
        assert_eq!(invalid.field, "lines[1].quantity");
        assert!(invalid.problem.contains("expected i64"), "{invalid}");
        assert_eq!(refused(r#"{"name": "\u0000"}"#).field, "name");
    }

    #[test]
    fn an_error_is_short_however_long_the_body() {
        let long = "\u{7f}é".repeat(100_000);
        for body in [format!(r#"{{"lines": "{long}"}}"#), format!(r#"{{"id": {{"{long}": 1}}}}"#)] {
            let invalid = refused(&body);
            assert!(invalid.problem.len() < 600 && !invalid.problem.is_empty(), "{invalid}");
        }
        let invalid = Invalid::new(long.clone(), long);
        assert!(invalid.field.len() < 300 && invalid.field.ends_with('…'), "{invalid}");
    }

    #[test]
    fn what_is_not_json_is_the_body_s_fault() {
        for body in ["", "[", "{} {}", "\"text\"", "7", r#"{"":"#, r#"{"": nothing}"#] {
            assert_eq!(refused(body).field, "body", "{body:?}");
        }
    }
}
