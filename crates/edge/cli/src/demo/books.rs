//! The demo's books: totals of what was ordered, recorded and seen by the providers, and what the audit found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use despatch_domain::{Currency, Money};
use despatch_order_files::FileOrder;
use serde::Serialize;

use crate::Outcome;
use crate::audit::{BEFORE_CAPTURE, BEFORE_RESERVATION, Placed, Progress, audit, backlogs, dead_orders};
use crate::site::Site;

/// Whether nothing waits or is under way anywhere.
pub(crate) async fn is_quiet(site: &Site) -> Outcome<bool> {
    let backlogs = backlogs(&site.database).await?;
    if backlogs.iter().any(|(_, backlog)| backlog.waiting > 0 || backlog.open_batches > 0) {
        return Ok(false);
    }
    let pending = site.process().pending().await;
    Ok(pending.iter().all(|(_, pending)| pending.is_some_and(|it| it.undelivered == 0 && it.unacked == 0)))
}

/// How many events wait for their next try.
pub(crate) async fn waiting(site: &Site) -> Outcome<u64> {
    Ok(backlogs(&site.database).await?.iter().map(|(_, backlog)| backlog.waiting).sum())
}

/// The result of a demo.
#[derive(Debug, Serialize)]
pub(crate) struct Books {
    /// Orders placed.
    orders: usize,
    completed: usize,
    /// Orders that a person has to look at, by the reason of their first dead letter.
    dead_lettered: BTreeMap<String, usize>,
    /// What the captured orders cost, by the sample file.
    expected_minor: i64,
    /// What the payment provider captured, by its own books.
    captured_minor: i64,
    /// Units of the orders that were reserved, by the sample file.
    units_ordered: i64,
    /// Units that are reserved or shipped, by the inventory's books.
    units_reserved: i64,
    units_shipped: i64,
    /// Labels, by the carrier's own books.
    labels: u64,
    /// Distinct messages, by the mail server's own books.
    emails: u64,
    /// Captures, labels and messages that happened twice.
    duplicates: u64,
    /// What does not add up; empty when the books balance.
    discrepancies: Vec<String>,
    pub(crate) balanced: bool,
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

impl Books {
    /// Balances the books. `orders` are the ids under which `baskets` were placed.
    pub(crate) async fn of(
        site: &Site,
        baskets: &[FileOrder],
        orders: &BTreeMap<usize, String>,
        elapsed: Duration,
    ) -> Outcome<Self> {
        let progress = Progress::of(&site.database).await?;
        let dead = dead_orders(&site.database).await?;
        let died_at = |place: &usize, handlers: &[&str]| {
            let letters = orders.get(place).and_then(|id| dead.get(id));
            letters.is_some_and(|letters| letters.iter().any(|it| handlers.contains(&it.handler.as_str())))
        };
        let placed = || baskets.iter().enumerate().filter(|(place, _)| orders.contains_key(place));
        let paid = placed().filter(|(place, _)| !died_at(place, &BEFORE_CAPTURE));
        let expected_minor = paid.map(|(_, basket)| basket.total_minor).sum();
        let reserved = placed().filter(|(place, _)| !died_at(place, &BEFORE_RESERVATION));
        let units_ordered = reserved.flat_map(|(_, basket)| &basket.units).map(|(_, units)| units).sum();
        let mut dead_lettered = BTreeMap::new();
        for letters in dead.values() {
            if let Some(first) = letters.first() {
                *dead_lettered.entry(first.reason.clone()).or_default() += 1;
            }
        }

        let counts = site.sandbox.as_ref().map(despatch_sandbox::Sandbox::counts).unwrap_or_default();
        let seen = match &site.sandbox {
            Some(sandbox) => sandbox.counts_by_order()?,
            None => BTreeMap::new(),
        };
        let client = site.database.client().await?;
        let units = despatch_inventory::store::totals(&**client).await?;
        let row = client.query_one(SUMS, &[]).await?;
        drop(client);
        let (labels, emails) = (counts.labels - counts.voided_labels, counts.distinct_mails);
        let messages = u64::try_from(row.get::<_, i64>("messages"))?;
        let duplicates = u64::try_from(counts.double_captures.len() + counts.double_labels.len())?
            + emails.saturating_sub(messages);

        let mut discrepancies = Vec::new();
        if orders.len() != baskets.len() {
            discrepancies.push(format!("{} of {} orders were placed", orders.len(), baskets.len()));
        }
        let placed: Vec<Placed<'_>> =
            orders.iter().map(|(place, order_id)| Placed { order_id, basket: &baskets[*place] }).collect();
        let found = audit(&site.database, &seen, &placed).await?;
        discrepancies.extend(found.iter().map(ToString::to_string));

        let seconds = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let orders_per_second = progress.ended() as f64 / seconds;
        Ok(Books {
            orders: orders.len(),
            completed: progress.completed(),
            dead_lettered,
            expected_minor,
            captured_minor: counts.captured_minor,
            units_ordered,
            units_reserved: units.reserved + units.shipped,
            units_shipped: units.shipped,
            labels,
            emails,
            duplicates,
            balanced: discrepancies.is_empty(),
            discrepancies,
            seconds,
            orders_per_second,
            placed_to_label_ms: Percentiles { p50: row.get("p50"), p99: row.get("p99") },
            peak_rss_mb: peak_rss_mb(),
        })
    }
}

/// Messages that were recorded, and how long labels took.
const SUMS: &str = "
    select (select count(*) from notifications.sent) as messages,
           coalesce(latency[1], 0)::float8 as p50, coalesce(latency[2], 0)::float8 as p99
      from (
          select percentile_cont(array[0.5, 0.99]) within group (
                     order by extract(epoch from label.created_at - placed.accepted_at) * 1000) as latency
            from gateway.orders placed join labels.label on label.order_id = placed.order_id::text
      ) measured";

/// The most memory that this process held, in MB; 0 where the system does not tell.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

impl fmt::Display for Books {
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
        writeln!(
            f,
            "units reserved, shipped {:>16}  of {} ordered; {} shipped",
            self.units_reserved, self.units_ordered, self.units_shipped
        )?;
        writeln!(f, "labels                  {:>16}", self.labels)?;
        writeln!(f, "messages                {:>16}", self.emails)?;
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
        if self.balanced {
            return f.write_str("The books balance.");
        }
        f.write_str("THE BOOKS DO NOT BALANCE.")?;
        self.discrepancies.iter().try_for_each(|discrepancy| write!(f, "\n  {discrepancy}"))
    }
}
