//! How people name a case.

use std::fmt;

use despatch_contracts::id_range;
use uuid::Uuid;

/// A case as a person names it: by its number, or by its event's id or the beginning of that, perhaps with the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRef {
    given: String,
    number: Option<i64>,
    pub(super) handler: Option<String>,
    event_ids: Option<(Uuid, Uuid)>,
}

/// A text that names no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a case's number, e.g. 12, its event's id or at least 4 characters of its beginning, or HANDLER EVENT-ID, \
     found {0:?}"
)]
pub struct InvalidCaseRef(String);

impl CaseRef {
    /// Reads a number (`12` or `#12`), the beginning of an event's id, or a handler and such a beginning.
    pub fn parse(words: &[impl AsRef<str>]) -> Result<Self, InvalidCaseRef> {
        let given = words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
        let reference = match *given.split_whitespace().collect::<Vec<_>>() {
            [one] => {
                let number = one.strip_prefix('#').unwrap_or(one).parse().ok().filter(|number| *number > 0);
                CaseRef { number, handler: None, event_ids: id_range(one), given: one.to_owned() }
            }
            [handler, event] if handler.contains('.') => CaseRef {
                number: None,
                handler: Some(handler.to_owned()),
                event_ids: id_range(event),
                given: format!("{handler} {event}"),
            },
            _ => return Err(InvalidCaseRef(given)),
        };
        let names_one = reference.number.is_some() || reference.event_ids.is_some();
        if names_one { Ok(reference) } else { Err(InvalidCaseRef(given)) }
    }

    /// The number, if it can be one.
    pub(super) fn number(&self) -> Option<i64> {
        self.number
    }

    /// The first and the last id that begin like this, if it can be the beginning of one.
    pub(super) fn event_ids(&self) -> Option<(Uuid, Uuid)> {
        self.event_ids
    }
}

impl fmt::Display for CaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(reference: &CaseRef) -> Option<(String, String)> {
        reference.event_ids().map(|(first, last)| (first.to_string(), last.to_string()))
    }

    #[test]
    fn a_case_is_named_by_its_number_or_by_its_event() {
        for text in ["12", "#12", " 12 "] {
            let case = CaseRef::parse(&[text]).unwrap();
            assert_eq!((case.number(), ids(&case)), (Some(12), None), "{text}");
        }
        let id = "01a2285f-966c-7717-b57c-e735ef356253";
        let case = CaseRef::parse(&[id]).unwrap();
        assert_eq!((case.number(), ids(&case)), (None, Some((id.to_owned(), id.to_owned()))));
        let case = CaseRef::parse(&["labels.create", "01A2285F-9"]).unwrap();
        assert_eq!(case.handler.as_deref(), Some("labels.create"));
        let (first, last) = ids(&case).unwrap();
        assert_eq!(first, "01a2285f-9000-0000-0000-000000000000");
        assert_eq!(last, "01a2285f-9fff-ffff-ffff-ffffffffffff");
        assert_eq!(CaseRef::parse(&["labels.create 01A2285F-9"]).unwrap(), case, "in one argument");
        let either = CaseRef::parse(&["019228"]).unwrap();
        assert_eq!((either.number(), either.event_ids().is_some()), (Some(19_228), true));
    }

    #[test]
    fn what_names_no_case_is_refused() {
        for words in [
            &["help"][..],
            &[""],
            &["0"],
            &["-3"],
            &["01a"],
            &["labels", "01a2"],
            &["a.b", "12"],
            &["1", "2", "3"],
        ] {
            assert!(CaseRef::parse(words).unwrap_err().to_string().contains("a case's number"), "{words:?}");
        }
    }
}
