//! Finds intents: Stripe's search, and its plain list.
//!
//! Of the query language (<https://docs.stripe.com/search#search-query-language>) the sandbox knows equality of
//! `metadata['name']`, `status` and `currency`, joined by `AND`. Unlike Stripe's, which may lag by a minute, a result
//! is never late.

use serde_json::{Value, json};

use super::dispute::Dispute;
use super::form::Form;
use super::intent::Intent;
use super::refund::Refund;
use super::refusal::Refusal;
use super::state::StripeState;

/// `GET /v1/payment_intents/search`.
pub(super) struct Search {
    clauses: Vec<Clause>,
    limit: usize,
    skip: usize,
}

impl Search {
    pub(super) fn parse(form: &Form) -> Result<Self, Refusal> {
        form.only(&["query", "limit", "page", "expand"])?;
        let skip = match form.get("page") {
            None => 0,
            Some(page) => page.parse().map_err(|_| Refusal::bad_value("page", "No such page."))?,
        };
        Ok(Self { clauses: parse(form.require("query")?)?, limit: limit(form)?, skip })
    }

    /// Returns the order that is searched for, if one is.
    pub(super) fn order(&self) -> Option<&str> {
        let by_order = |clause: &&Clause| clause.field == Field::Metadata("order_id".into());
        self.clauses.iter().find(by_order).map(|clause| clause.value.as_str())
    }

    pub(super) fn run(&self, state: &StripeState) -> Value {
        let hit = |intent: &&Intent| self.clauses.iter().all(|clause| clause.holds(intent));
        let window = (self.skip, self.limit + 1);
        let mut found: Vec<&Intent> = match self.order() {
            Some(order) => state.newest_of(order).filter(hit).skip(window.0).take(window.1).collect(),
            None => state.newest().filter(hit).skip(window.0).take(window.1).collect(),
        };
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let data: Vec<Value> = found.into_iter().map(Intent::json).collect();
        json!({
            "object": "search_result",
            "url": "/v1/payment_intents/search",
            "has_more": more,
            "next_page": more.then(|| (self.skip + self.limit).to_string()),
            "data": data,
        })
    }
}

/// Answers `GET /v1/payment_intents`, newest first.
pub(super) fn list(state: &StripeState, form: &Form) -> Result<Value, Refusal> {
    form.only(&["limit", "starting_after", "expand"])?;
    let limit = limit(form)?;
    let after = form.get("starting_after").map(|id| state.intent(id)).transpose()?;
    let mut found: Vec<&Intent> = match after {
        None => state.newest().take(limit + 1).collect(),
        Some(last) => {
            state.newest().skip_while(|intent| intent.id != last.id).skip(1).take(limit + 1).collect()
        }
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let data: Vec<Value> = found.into_iter().map(Intent::json).collect();
    Ok(json!({ "object": "list", "url": "/v1/payment_intents", "has_more": more, "data": data }))
}

/// Answers `GET /v1/refunds`, newest first, of all intents or of one.
pub(super) fn refunds(state: &StripeState, form: &Form) -> Result<Value, Refusal> {
    form.only(&["payment_intent", "limit", "expand"])?;
    let limit = limit(form)?;
    let intent = form.get("payment_intent");
    let mut found: Vec<Value> = state
        .newest_refunds()
        .filter(|refund| intent.is_none_or(|intent| *refund.intent == *intent))
        .take(limit + 1)
        .map(Refund::json)
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(json!({ "object": "list", "url": "/v1/refunds", "has_more": more, "data": found }))
}

/// Answers `GET /v1/disputes`, newest first, of all intents or of one.
pub(super) fn disputes(state: &StripeState, form: &Form) -> Result<Value, Refusal> {
    form.only(&["payment_intent", "limit", "expand"])?;
    let limit = limit(form)?;
    let mut found: Vec<Value> =
        state.newest_disputes(form.get("payment_intent")).take(limit + 1).map(Dispute::json).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(json!({ "object": "list", "url": "/v1/disputes", "has_more": more, "data": found }))
}

fn limit(form: &Form) -> Result<usize, Refusal> {
    match form.get("limit").map(str::parse) {
        None => Ok(10),
        Some(Ok(limit @ 1..=100)) => Ok(limit),
        Some(_) => Err(Refusal::bad_value("limit", "The limit is between 1 and 100.")),
    }
}

#[derive(Debug, PartialEq)]
enum Field {
    Metadata(String),
    Status,
    Currency,
}

#[derive(Debug, PartialEq)]
struct Clause {
    field: Field,
    value: String,
}

impl Clause {
    fn holds(&self, intent: &Intent) -> bool {
        match &self.field {
            Field::Metadata(name) => {
                intent.metadata.iter().any(|(found, value)| **found == **name && **value == *self.value)
            }
            Field::Status => intent.status.name() == self.value,
            Field::Currency => String::from(intent.currency) == self.value,
        }
    }
}

fn parse(query: &str) -> Result<Vec<Clause>, Refusal> {
    let unclear =
        || Refusal::bad_value("query", format!("We were unable to parse your search query: {query}"));
    let mut clauses = Vec::new();
    let mut rest = query.trim();
    loop {
        let (field, after) = if let Some(after) = rest.strip_prefix("metadata[") {
            let (name, after) = quoted(after).ok_or_else(unclear)?;
            (Field::Metadata(name), after.strip_prefix(']').ok_or_else(unclear)?)
        } else if let Some(after) = rest.strip_prefix("status") {
            (Field::Status, after)
        } else if let Some(after) = rest.strip_prefix("currency") {
            (Field::Currency, after)
        } else {
            return Err(unclear());
        };
        let (value, after) = after.strip_prefix(':').and_then(quoted).ok_or_else(unclear)?;
        clauses.push(Clause { field, value });
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(clauses);
        }
        rest = rest.strip_prefix("AND ").ok_or_else(unclear)?.trim_start();
    }
}

/// Parses a string in single or double quotes, with `\` before a quote or a backslash, and returns it with the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next().filter(|(_, first)| matches!(first, '\'' | '"'))?;
    let mut value = String::new();
    while let Some((at, found)) = chars.next() {
        match found {
            '\\' => value.push(chars.next()?.1),
            found if found == quote => return Some((value, &text[at + 1..])),
            found => value.push(found),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_clauses_joined_by_and() {
        let clauses = parse(r#"metadata['order_id']:'a\'b' AND status:"succeeded""#).unwrap();
        let expected = [
            Clause { field: Field::Metadata("order_id".into()), value: "a'b".into() },
            Clause { field: Field::Status, value: "succeeded".into() },
        ];
        assert_eq!(clauses, expected);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in
            ["", "amount>5", "metadata['x']", "metadata['x']:y", "status:'a' OR status:'b'", "status:'a"]
        {
            assert!(parse(query).is_err(), "{query:?}");
        }
    }
}
