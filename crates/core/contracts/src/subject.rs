//! Subjects of events.

use std::fmt;

/// The subject of an event (CloudEvents' word for what it is about): a kind and an id, such as `order/<id>`, or none.
///
/// Events with one subject are recorded one after the other and belong to one trace, and the subject distinguishes
/// effects. Today the only kind is `order`; `contact`, `sku`, `ticket`, `document` and `campaign` will follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    kind: &'a str,
    id: &'a str,
}

/// The kind of a subject that is an order.
const ORDER: &str = "order";

impl<'a> Subject<'a> {
    /// No subject.
    pub const NONE: Subject<'static> = Subject { kind: "", id: "" };

    /// Creates a subject; [`NONE`](Subject::NONE) if the id is empty, as in a malformed event. `kind` must not contain
    /// a slash.
    pub fn new(kind: &'a str, id: &'a str) -> Self {
        if id.is_empty() { Subject::NONE } else { Subject { kind, id } }
    }

    /// Creates the subject of an order.
    pub fn order(id: &'a str) -> Self {
        Subject::new(ORDER, id)
    }

    /// Parses `<kind>/<id>`, the form of [`Display`](fmt::Display). Text without a kind is no subject.
    pub fn parse(text: &'a str) -> Self {
        text.split_once('/').map_or(Subject::NONE, |(kind, id)| Subject::new(kind, id))
    }

    /// Returns the kind, e.g. `order`; empty for no subject.
    pub fn kind(self) -> &'a str {
        self.kind
    }

    /// Returns the id within its kind; empty for no subject.
    pub fn id(self) -> &'a str {
        self.id
    }

    /// Returns the order's id, if the subject is an order.
    pub fn order_id(self) -> Option<&'a str> {
        (self.kind == ORDER).then_some(self.id)
    }

    /// Returns whether there is no subject.
    pub fn is_none(self) -> bool {
        self.id.is_empty()
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { Ok(()) } else { write!(f, "{}/{}", self.kind, self.id) }
    }
}

impl From<Subject<'_>> for String {
    fn from(subject: Subject<'_>) -> Self {
        if subject.is_none() { String::new() } else { [subject.kind, "/", subject.id].concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for subject in [Subject::order("shop/1001"), Subject::new("sku", "A-1"), Subject::NONE] {
            assert_eq!(Subject::parse(&subject.to_string()), subject);
            assert_eq!(String::from(subject), subject.to_string());
        }
        assert_eq!(Subject::parse("order/shop/1001").order_id(), Some("shop/1001"));
        assert_eq!(Subject::parse("sku/A-1").order_id(), None);
    }

    #[test]
    fn an_empty_id_is_no_subject() {
        for none in [Subject::order(""), Subject::parse(""), Subject::parse("order/"), Subject::parse("o-1")]
        {
            assert!(none.is_none(), "{none:?}");
            assert_eq!(none.to_string(), "");
        }
    }
}
