//! `despatch exceptions reasons`: why events fail.

use despatch_domain::Reason;
use serde_json::{Value, json};

use crate::output::{Table, print, width};
use crate::result::Result;

/// Prints every reason that an event can die of.
pub(super) fn list(as_json: bool) -> Result {
    let reasons = Reason::ALL.iter().filter_map(|reason| Some((reason, reason.triage()?)));
    if as_json {
        let objects: Vec<Value> = reasons
            .map(|(reason, triage)| {
                json!({
                    "reason": reason.code(), "queue": triage.queue.name(), "priority": triage.priority.name(),
                    "hours": triage.hours, "meaning": reason.meaning(),
                })
            })
            .collect();
        return print(&format!("{:#}\n", json!({ "reasons": objects })));
    }
    let mut table = Table::new(["REASON", "QUEUE", "PRIORITY", "WITHIN"]).right(&["WITHIN"]);
    for (reason, triage) in reasons {
        table.row([
            reason.code().to_owned(),
            triage.queue.to_string(),
            triage.priority.to_string(),
            format!("{} h", triage.hours),
        ]);
        table.detail(reason.meaning());
    }
    print(&table.render(width()))?;
    print(
        "What to do about a reason is on its page, which is printed with each case: despatch exceptions show CASE\n",
    )
}
