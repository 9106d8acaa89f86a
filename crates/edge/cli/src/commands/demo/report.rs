//! The demo's report: totals of what was ordered, recorded and seen by the providers, and what the audit found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use despatch_domain::{Currency, Money};
use despatch_order_files::FileOrder;
use despatch_sandbox::{OrderCounts, Sandbox};
use despatch_scenario::{Auditor, BEFORE_CAPTURE, BEFORE_RESERVATION, PlacedOrder, died_at, due_at_stripe};
use serde::Serialize;

use crate::result::Result;

/// The result of a demo.
#[derive(Debug, Serialize)]
pub(super) struct DemoReport {
    /// Orders placed.
    orders: usize,
    completed: usize,
    /// Orders that a person has to look at, by the reason of their first dead letter.
    dead_lettered: BTreeMap<String, usize>,
    /// How much of the captured orders is due at the payment provider, by the sample file.
    expected_minor: i64,
    /// The amount that the payment provider captured, by the sandbox's counts.
    captured_minor: i64,
    /// The amount that it refunded, by the sandbox's counts.
    refunded_minor: i64,
    /// Units of the orders that were reserved, by the sample file.
    units_ordered: i64,
    /// Units that are reserved or shipped, by inventory's records.
    units_reserved: i64,
    units_shipped: i64,
    /// Labels, by the sandbox's counts.
    labels: u64,
    /// Distinct messages, by the sandbox's counts.
    emails: u64,
    /// Copies of messages that were sent because the answer to the copy before was lost, by the sandbox's counts.
    emails_sent_again: u64,
    /// Captures, labels and messages that happened twice, although the first was known to have happened.
    duplicates: u64,
    /// The audit's findings; empty when it passed.
    discrepancies: Vec<String>,
    pub(super) audit_passed: bool,
    seconds: f64,
    orders_per_second: f64,
    placed_to_label_ms: Percentiles,
    /// The most memory that this process held.
    peak_rss_mb: u64,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl DemoReport {
    /// Audits the orders. `ids` are the ids under which `orders` were placed, by place.
    pub(super) async fn of(
        auditor: &Auditor,
        sandbox: Option<&Sandbox>,
        orders: &[FileOrder],
        ids: &BTreeMap<usize, String>,
        elapsed: Duration,
    ) -> Result<Self> {
        let progress = auditor.progress().await?;
        let dead = auditor.dead_orders().await?;
        let gave_up = |place: &usize, handlers: &[&str]| {
            let letters = ids.get(place).and_then(|id| dead.get(id));
            letters.is_some_and(|letters| died_at(letters, handlers))
        };
        let placed = || orders.iter().enumerate().filter(|(place, _)| ids.contains_key(place));
        let paid = placed().filter(|(place, _)| !gave_up(place, &BEFORE_CAPTURE));
        let expected_minor = paid.map(|(_, order)| due_at_stripe(order)).sum();
        let reserved = placed().filter(|(place, _)| !gave_up(place, &BEFORE_RESERVATION));
        let units_ordered = reserved.flat_map(|(_, order)| &order.units).map(|(_, units)| units).sum();
        let mut dead_lettered = BTreeMap::new();
        for letters in dead.values() {
            if let Some(first) = letters.first() {
                *dead_lettered.entry(first.reason.clone()).or_default() += 1;
            }
        }

        let counts = sandbox.map(Sandbox::counts).unwrap_or_default();
        let seen = sandbox.map(Sandbox::counts_by_order).transpose()?.unwrap_or_default();
        let totals = auditor.totals().await?;
        let (labels, emails) = (counts.labels - counts.voided_labels, counts.distinct_mails);
        let duplicates =
            u64::try_from(counts.double_captures.len() + counts.double_labels.len())? + counts.double_mails;

        let mut discrepancies = Vec::new();
        if ids.len() != orders.len() {
            discrepancies.push(format!("{} of {} orders were placed", ids.len(), orders.len()));
        }
        let placed: Vec<PlacedOrder<'_>> = ids
            .iter()
            .map(|(place, order_id)| PlacedOrder { order_id, order: &orders[*place], history: None })
            .collect();
        let found = auditor.audit(&seen, &placed).await?;
        discrepancies.extend(found.iter().map(ToString::to_string));
        discrepancies.extend(double_mails(&seen));

        let seconds = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let orders_per_second = progress.ended() as f64 / seconds;
        Ok(DemoReport {
            orders: ids.len(),
            completed: progress.completed(),
            dead_lettered,
            expected_minor,
            captured_minor: counts.captured_minor,
            refunded_minor: counts.refunded_minor,
            units_ordered,
            units_reserved: totals.units_reserved,
            units_shipped: totals.units_shipped,
            labels,
            emails,
            emails_sent_again: counts.resent_mails,
            duplicates,
            audit_passed: discrepancies.is_empty(),
            discrepancies,
            seconds,
            orders_per_second,
            placed_to_label_ms: Percentiles {
                p50: totals.placed_to_label.p50,
                p99: totals.placed_to_label.p99,
            },
            peak_rss_mb: peak_rss_mb(),
        })
    }
}

/// The messages that were sent again although the mail server's answer had arrived. Chaos does not ask this: a worker
/// that is killed after an answer sends the message again, and the sandbox, which is in another process, cannot know.
fn double_mails(seen: &BTreeMap<String, OrderCounts>) -> Vec<String> {
    let mut found = Vec::new();
    for (order_id, counts) in seen {
        for mail in counts.mails.iter().filter(|mail| mail.doubled > 0) {
            found.push(format!(
                "order {order_id}: message {} was sent again {} times although its answer had arrived",
                mail.message_id, mail.doubled
            ));
        }
    }
    found
}

/// The most memory that this process held, in MB; 0 where the system does not tell.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

impl fmt::Display for DemoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = |minor| Money::new(minor, Currency::USD);
        writeln!(f, "orders placed           {:>16}", self.orders)?;
        writeln!(f, "completed               {:>16}", self.completed)?;
        for (reason, orders) in &self.dead_lettered {
            writeln!(f, "dead-lettered           {orders:>16}  {reason}")?;
        }
        writeln!(
            f,
            "captured                {:>16}  of {} expected",
            money(self.captured_minor).to_string(),
            money(self.expected_minor)
        )?;
        writeln!(f, "refunded                {:>16}", money(self.refunded_minor).to_string())?;
        writeln!(
            f,
            "units reserved, shipped {:>16}  of {} ordered; {} shipped",
            self.units_reserved, self.units_ordered, self.units_shipped
        )?;
        writeln!(f, "labels                  {:>16}", self.labels)?;
        writeln!(f, "messages                {:>16}", self.emails)?;
        writeln!(
            f,
            "sent again              {:>16}  messages whose answer was lost",
            self.emails_sent_again
        )?;
        writeln!(f, "happened twice          {:>16}", self.duplicates)?;
        writeln!(
            f,
            "seconds                 {:>16.1}  {:.0} orders/s",
            self.seconds, self.orders_per_second
        )?;
        writeln!(
            f,
            "placed to label         {:>13.0} ms  p99 {:.0} ms",
            self.placed_to_label_ms.p50, self.placed_to_label_ms.p99
        )?;
        writeln!(f, "memory                  {:>13} MB  at most, of this process", self.peak_rss_mb)?;
        if self.audit_passed {
            return f.write_str("Audit passed.");
        }
        f.write_str("AUDIT FAILED")?;
        self.discrepancies.iter().try_for_each(|discrepancy| write!(f, "\n  {discrepancy}"))
    }
}

#[cfg(test)]
mod tests {
    use despatch_sandbox::MailCount;

    use super::*;

    #[test]
    fn only_a_message_that_had_its_answer_is_a_double() {
        let mail = |message_id: &str, resent, doubled| MailCount {
            message_id: message_id.to_owned(),
            seq: 1,
            copies: 1 + resent + doubled,
            resent,
            doubled,
        };
        let mails = vec![mail("once", 0, 0), mail("lost", 2, 0), mail("twice", 1, 3)];
        let seen = BTreeMap::from([("o1".to_owned(), OrderCounts { mails, ..OrderCounts::default() })]);
        let expected = ["order o1: message twice was sent again 3 times although its answer had arrived"];
        assert_eq!(double_mails(&seen), expected);
    }
}
