//! `despatch exceptions edit`: replays an event as a person edited it.

use std::io::Read as _;
use std::path::Path;

use despatch_contracts::json;
use despatch_exceptions::{Case, CaseId, CaseQueries, EditableEvent};
use serde::Deserialize;
use serde_json::Value;

use crate::output::{next_command, print};
use crate::result::{Result, hinted};

/// An edited document: [`EditableEvent`] as it comes back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    generation: i32,
    contents: Value,
}

/// An event as a person edited it.
pub(super) struct Edited {
    /// The generation whose failure the edit fixes.
    pub(super) generation: i32,
    /// The whole event as protobuf's JSON.
    pub(super) contents: String,
    /// The changes, a line for each field.
    pub(super) changes: Vec<String>,
}

/// Prints the document to edit.
pub(super) async fn contents(cases: &CaseQueries, id: &CaseId) -> Result {
    let document = serde_json::to_string_pretty(&cases.event(id).await?)?;
    print(&format!("{document}\n"))
}

/// Reads and checks an edited document.
pub(super) async fn edited(cases: &CaseQueries, case: &Case, from: &Path) -> Result<Edited> {
    let text = read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let Document { generation, contents } =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", from.display()))?;
    let EditableEvent { contents: old, .. } = cases.event(&case.id).await?;
    let payload = json::from_json(&case.event_type, &contents.to_string())
        .map_err(|error| format!("{}: {error}", from.display()))?;
    // An order is checked as its own worker would check it, before anything is kept.
    if let Some(order) = json::order_in(&case.event_type, payload.clone()) {
        despatch_orders::validate(&order).map_err(|flaws| format!("{}: {flaws}", from.display()))?;
    }
    let changes = json::changes(&old, &json::to_json(&case.event_type, payload)?);
    if changes.is_empty() {
        let replay = next_command(format_args!("exceptions replay {}", case.number));
        let hint = format!("{replay} replays it as it is");
        return Err(hinted(format!("{}: nothing is changed", from.display()), hint));
    }
    let changes = changes.iter().map(ToString::to_string).collect();
    Ok(Edited { generation, contents: contents.to_string(), changes })
}

fn read(from: &Path) -> std::io::Result<String> {
    if from == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(from)
}
