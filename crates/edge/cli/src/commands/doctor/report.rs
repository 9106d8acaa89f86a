//! The doctor's findings, as text and as JSON.

use std::fmt::{self, Write as _};

use despatch_runtime::doctor::{Check, Grade};
use serde_json::json;

/// A grade's word.
pub(crate) fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok",
        Grade::Warning => "warning",
        Grade::Failed => "failed",
    }
}

/// The checks in their groups, each group in the order in which it first came, whether it is shown or not, and a line that sums them up. `quiet` leaves
/// out what is well.
pub(crate) fn as_lines(checks: &[Check], quiet: bool) -> Result<String, fmt::Error> {
    let shown: Vec<&Check> = checks.iter().filter(|check| !quiet || check.grade != Grade::Ok).collect();
    let mut groups: Vec<&str> = Vec::new();
    for check in checks {
        if !groups.contains(&check.group.as_str()) {
            groups.push(&check.group);
        }
    }
    let mut lines = String::new();
    for group in groups {
        let own: Vec<&Check> = shown.iter().filter(|check| check.group == group).copied().collect();
        if own.is_empty() {
            continue;
        }
        let width = own.iter().map(|check| check.subject.chars().count()).max().unwrap_or_default();
        writeln!(lines, "{group}")?;
        for Check { subject, grade, found, expected, advice, .. } in own {
            writeln!(lines, "  {:<7}  {subject:<width$}  {found}", word(*grade))?;
            if let Some(advice) = advice {
                writeln!(lines, "           expected  {expected}")?;
                writeln!(lines, "           do        {advice}")?;
            }
        }
        writeln!(lines)?;
    }
    let count = |grade| checks.iter().filter(|check| check.grade == grade).count();
    let [ok, warnings, failed] = [Grade::Ok, Grade::Warning, Grade::Failed].map(count);
    let warnings = if warnings == 1 { "1 warning".to_owned() } else { format!("{warnings} warnings") };
    writeln!(lines, "{ok} ok, {warnings}, {failed} failed")?;
    Ok(lines)
}

/// The findings for a program.
pub(crate) fn as_object(checks: &[Check]) -> String {
    let objects: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "group": check.group, "subject": check.subject, "grade": word(check.grade), "found": check.found,
                "expected": check.expected, "advice": check.advice,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "checks": objects }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> [Check; 3] {
        [
            Check::ok("nats version", "2.12.1", "2.10 or newer").of("NATS"),
            Check::ok("schema orders", "lacks 0002_lots", "all 3 migrations applied")
                .of("orders")
                .but(Grade::Failed, "Run `despatch migrate`."),
            Check::ok("stream DESPATCH", "7 messages", "as the provisioner makes it").of("NATS"),
        ]
    }

    #[test]
    fn advice_is_under_what_it_is_about() {
        let expected = "\
NATS
  ok       nats version     2.12.1
  ok       stream DESPATCH  7 messages

orders
  failed   schema orders  lacks 0002_lots
           expected  all 3 migrations applied
           do        Run `despatch migrate`.

2 ok, 0 warnings, 1 failed
";
        assert_eq!(as_lines(&checks(), false).unwrap(), expected);
    }

    #[test]
    fn quiet_leaves_out_what_is_well() {
        let said = as_lines(&checks(), true).unwrap();
        assert!(said.starts_with("orders\n") && said.ends_with("\n2 ok, 0 warnings, 1 failed\n"), "{said}");
        let servers_first = [
            Check::ok("nats version", "2.12.1", "2.10 or newer").of("NATS"),
            Check::ok("processes of orders", "none answers", "one")
                .of("processes")
                .but(Grade::Warning, "Start it."),
            Check::ok("stream DESPATCH", "not there", "there").of("NATS").but(Grade::Failed, "Make it."),
        ];
        let said = as_lines(&servers_first, true).unwrap();
        assert!(said.find("NATS\n") < said.find("processes\n"), "{said}");
        assert_eq!(as_lines(&checks()[..1], true).unwrap(), "1 ok, 0 warnings, 0 failed\n");
    }
}
