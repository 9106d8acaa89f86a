//! `despatch exceptions edit`: an event is put right before it is replayed.

use std::io::Read as _;
use std::path::Path;

use despatch_contracts::json;
use despatch_exceptions::{Desk, Edit, Id};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::print;
use crate::result::Result;

/// What is edited: the event, with the failure that it was printed for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    generation: i32,
    contents: Value,
}

/// Prints the document to edit.
pub(super) async fn contents(desk: &Desk, id: &Id) -> Result {
    let (contents, generation) = desk.event(id).await?;
    let document = serde_json::to_string_pretty(&Document { generation, contents })?;
    print(&format!("{document}\n"))
}

/// Takes an edited document; only shows what would change unless it is told yes.
pub(super) async fn edit(desk: &Desk, id: &Id, by: &str, (from, reason, yes): (&Path, &str, bool)) -> Result {
    let text = read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let Document { generation, contents } =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", from.display()))?;
    let (case, _) = desk.show(id).await?;
    let (old, _) = desk.event(id).await?;
    let payload = json::from_json(&case.event_type, &contents.to_string())
        .map_err(|unfit| format!("{}: {unfit}", from.display()))?;
    // An order is checked as its own worker would check it, before anything is kept.
    if let Some(order) = json::order_in(&case.event_type, payload.clone()) {
        despatch_orders::validate(&order).map_err(|flaws| format!("{}: {flaws}", from.display()))?;
    }
    let changes = json::changes(&old, &json::to_json(&case.event_type, payload)?);
    if changes.is_empty() {
        return Err("nothing is changed; `despatch exceptions replay` replays it as it is".into());
    }
    for change in &changes {
        print(&format!("{change}\n"))?;
    }
    if !yes {
        return Err("repeat it with --yes to have it handled so".into());
    }
    let edit = Edit { contents: contents.to_string(), generation, reason: reason.to_owned() };
    Ok(desk.edit(id, by, &edit).await?)
}

fn read(from: &Path) -> std::io::Result<String> {
    if from == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(from)
}
