//! A filter of cases off the wire.

use std::str::FromStr;

use despatch_contracts::exception::CaseFilter as Asked;
use despatch_domain::{Currency, Money, Queue};
use despatch_runtime::AskError;

use crate::cases::{CaseFilter, CaseState};

/// A value that is none of those that its field has.
pub(super) fn unknown(field: &str, found: &str) -> AskError {
    AskError::new("undecodable", format!("{field}: {found:?} is not one"))
}

/// Reads a filter; empty fields restrict nothing.
pub(super) fn filter(asked: Option<Asked>) -> Result<CaseFilter, AskError> {
    let asked = asked.unwrap_or_default();
    let given = |text: String| (!text.is_empty()).then_some(text);
    let state = given(asked.state).map(|name| {
        let known = CaseState::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| unknown("state", &name))
    });
    let queue = given(asked.queue).map(|name| Queue::parse(&name).ok_or_else(|| unknown("queue", &name)));
    let opened_before =
        given(asked.opened_before).map(|text| text.parse().map_err(|_| unknown("opened_before", &text)));
    let worth = given(asked.worth_currency).map(|code| {
        let currency = Currency::from_str(&code).map_err(|_| unknown("worth_currency", &code))?;
        Ok::<_, AskError>(Money::new(asked.worth_minor, currency))
    });
    Ok(CaseFilter {
        state: state.transpose()?,
        queue: queue.transpose()?,
        reason: given(asked.reason),
        handler: given(asked.handler),
        worker: given(asked.worker),
        subject: given(asked.subject),
        claimed_by: given(asked.claimed_by),
        opened_before: opened_before.transpose()?,
        text: given(asked.text),
        worth: worth.transpose()?,
    })
}

impl From<&CaseFilter> for Asked {
    fn from(filter: &CaseFilter) -> Self {
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        Asked {
            state: filter.state.map(|state| state.name().to_owned()).unwrap_or_default(),
            queue: filter.queue.map(|queue| queue.name().to_owned()).unwrap_or_default(),
            reason: given(&filter.reason),
            handler: given(&filter.handler),
            worker: given(&filter.worker),
            subject: given(&filter.subject),
            claimed_by: given(&filter.claimed_by),
            opened_before: filter.opened_before.map(|before| before.to_string()).unwrap_or_default(),
            text: given(&filter.text),
            worth_minor: filter.worth.map_or(0, |worth| worth.minor),
            worth_currency: filter.worth.map(|worth| worth.currency.to_string()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_was_meant() {
        let meant = CaseFilter {
            state: Some(CaseState::Open),
            queue: Queue::parse("engineering"),
            subject: Some("order/1001".to_owned()),
            opened_before: Some("2026-11-01T10:00:00Z".parse().unwrap()),
            worth: Some(Money::new(12_00, Currency::from_str("EUR").unwrap())),
            ..CaseFilter::default()
        };
        assert_eq!(filter(Some(Asked::from(&meant))), Ok(meant));
        assert_eq!(filter(None), Ok(CaseFilter::default()));
        for wrong in [
            Asked { state: "lost".into(), ..Asked::default() },
            Asked { queue: "attic".into(), ..Asked::default() },
            Asked { opened_before: "noon".into(), ..Asked::default() },
            Asked { worth_currency: "XXZ".into(), ..Asked::default() },
        ] {
            assert_eq!(filter(Some(wrong)).unwrap_err().code, "undecodable");
        }
    }
}
