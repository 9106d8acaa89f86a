//! The demo's books: what was ordered against what the workers recorded and what the providers saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use despatch_baskets::Basket;
use despatch_domain::{Currency, Money};
use despatch_orders::State;
use despatch_runtime::{DbError, Dead, Standing, standing};
use serde::Serialize;

use crate::site::Site;
use crate::{Outcome, registry};

/// How far the orders are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    by_state: BTreeMap<&'static str, usize>,
    past_labels: usize,
    completed: usize,
    /// Orders that a dead letter ended.
    dead: usize,
}

impl Progress {
    pub(crate) async fn of(site: &Site) -> Outcome<Self> {
        let client = site.database.client().await?;
        let counts = despatch_orders::store::counts_by_state(&**client).await?;
        drop(client);
        let mut progress = Progress { dead: dead_orders(site).await?.len(), ..Progress::default() };
        for (state, count) in counts {
            let count = usize::try_from(count)?;
            progress.by_state.insert(state.name(), count);
            match state {
                State::Accepted | State::Reserved | State::Paid | State::Picked => {}
                State::Labelled | State::Despatched | State::Delivered => progress.past_labels += count,
                // The demo cancels nothing; were it otherwise, such an order has come to its end.
                State::Completed | State::Cancelled | State::Returned => progress.completed += count,
            }
        }
        Ok(progress)
    }

    /// Orders that hold up no label any more.
    pub(crate) fn past_labels(&self) -> usize {
        self.past_labels + self.ended()
    }

    /// Orders that have come to their end, good or bad.
    pub(crate) fn ended(&self) -> usize {
        self.completed + self.dead
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in State::ALL {
            if let Some(count) = self.by_state.get(state.name()) {
                write!(f, "{} {count}  ", state.name())?;
            }
        }
        if self.dead > 0 { write!(f, "dead-lettered {}", self.dead) } else { Ok(()) }
    }
}

/// Whether nothing waits or is under way anywhere.
pub(crate) async fn is_quiet(site: &Site) -> Outcome<bool> {
    let standings = standings(site).await?;
    if standings.iter().any(|standing| standing.waiting > 0 || standing.open_batches > 0) {
        return Ok(false);
    }
    let pending = site.process().pending().await;
    Ok(pending.iter().all(|(_, pending)| pending.is_some_and(|it| it.undelivered == 0 && it.unacked == 0)))
}

/// How many events wait for their next try.
pub(crate) async fn waiting(site: &Site) -> Outcome<u64> {
    Ok(standings(site).await?.iter().map(|standing| standing.waiting).sum())
}

/// What every worker has not settled.
async fn standings(site: &Site) -> Result<Vec<Standing>, DbError> {
    let mut standings = Vec::with_capacity(registry::NAMES.len());
    for worker in registry::NAMES {
        standings.push(standing(&site.database, worker, None).await?);
    }
    Ok(standings)
}

/// Dead letters of orders that did not complete all the same, by order.
async fn dead_orders(site: &Site) -> Result<BTreeMap<String, Vec<Dead>>, DbError> {
    let mut dead: BTreeMap<String, Vec<Dead>> = BTreeMap::new();
    for letter in standings(site).await?.into_iter().flat_map(|standing| standing.dead) {
        dead.entry(letter.order_id.clone()).or_default().push(letter);
    }
    let orders: Vec<&str> = dead.keys().map(String::as_str).collect();
    let completed: BTreeSet<String> = site
        .database
        .client()
        .await?
        .query(
            "select order_id from orders.progress where order_id = any($1) and state = 'completed'",
            &[&orders],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    dead.retain(|order, _| !completed.contains(order));
    Ok(dead)
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

/// Handlers whose dead letter means that nothing was captured, and those that nothing was reserved.
const BEFORE_CAPTURE: [&str; 3] = ["orders.accept", "inventory.reserve", "payments.capture"];
const BEFORE_RESERVATION: [&str; 2] = ["orders.accept", "inventory.reserve"];

impl Books {
    /// Balances the books. `orders` are the ids under which `baskets` were placed.
    pub(crate) async fn of(
        site: &Site,
        baskets: &[Basket],
        orders: &BTreeMap<usize, String>,
        elapsed: Duration,
    ) -> Outcome<Self> {
        let progress = Progress::of(site).await?;
        let dead = dead_orders(site).await?;
        let died_at = |place: &usize, handlers: &[&str]| {
            let letters = orders.get(place).and_then(|id| dead.get(id));
            letters.is_some_and(|letters| letters.iter().any(|it| handlers.contains(&it.handler.as_str())))
        };
        let placed = || baskets.iter().enumerate().filter(|(place, _)| orders.contains_key(place));
        let paid = placed().filter(|(place, _)| !died_at(place, &BEFORE_CAPTURE));
        let (captures, expected_minor) =
            paid.fold((0_u64, 0), |(n, sum), (_, it)| (n + 1, sum + it.total_minor));
        let reserved = placed().filter(|(place, _)| !died_at(place, &BEFORE_RESERVATION));
        let units_ordered = reserved.flat_map(|(_, basket)| &basket.units).map(|(_, units)| units).sum();
        let mut dead_lettered = BTreeMap::new();
        for letters in dead.values() {
            if let Some(first) = letters.first() {
                *dead_lettered.entry(first.reason.clone()).or_default() += 1;
            }
        }

        let counts = site.sandbox.as_ref().map(despatch_sandbox::Sandbox::counts).unwrap_or_default();
        let client = site.database.client().await?;
        let units = despatch_inventory::store::totals(&**client).await?;
        let row = client.query_one(SUMS, &[]).await?;
        let sum = |column: &str| row.get::<_, i64>(column);
        let unsigned = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let (labels, emails) = (counts.labels - counts.voided_labels, counts.distinct_mails);
        let extra_mails = unsigned(emails) - sum("messages");
        let duplicates = counts.double_captures.len() + counts.double_labels.len();
        let duplicates = u64::try_from(duplicates)? + u64::try_from(extra_mails.max(0))?;

        let mut discrepancies = Vec::new();
        let mut equal = |what: &str, expected: i64, found: i64| {
            if expected != found {
                discrepancies.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        equal("orders that came to their end", count(orders.len()), count(progress.ended()));
        equal("orders placed", count(baskets.len()), count(orders.len()));
        equal("minor units captured", expected_minor, counts.captured_minor - counts.refunded_minor);
        equal("minor units that payments recorded", expected_minor, sum("captured_minor"));
        equal("captures", unsigned(captures), unsigned(counts.captures));
        equal("units reserved and shipped", units_ordered, units.reserved + units.shipped);
        equal("units received", units.received, units.available + units.reserved + units.shipped);
        equal("positions below zero", 0, sum("below_zero"));
        equal("labels of picked parcels", sum("parcels"), sum("labels") + sum("labels_dead"));
        equal("labels at the carrier", sum("labels"), unsigned(labels));
        equal("messages at the mail server", sum("messages"), unsigned(emails));
        equal("messages of acceptance", sum("orders"), sum("told_accepted") + sum("messages_dead"));
        equal("effects that happened twice", 0, unsigned(duplicates));

        let seconds = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let orders_per_second = progress.ended() as f64 / seconds;
        Ok(Books {
            orders: orders.len(),
            completed: progress.completed,
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

/// What the workers recorded, over all orders.
const SUMS: &str = "
    select (select count(*) from orders.orders) as orders,
           (select coalesce(sum(captured_minor - refunded_minor), 0)::bigint from payments.payment) as captured_minor,
           (select count(*) from inventory.position where available < 0 or reserved < 0 or shipped < 0) as below_zero,
           (select count(*) from (
               select distinct order_id, parcel from inventory.allocation
                 join inventory.reservation using (order_id) where state = 'confirmed') parcel) as parcels,
           (select count(*) from labels.label) as labels,
           (select count(*) from labels.journal where state = 'dead') as labels_dead,
           (select count(*) from notifications.sent) as messages,
           (select count(*) from notifications.sent where milestone = 'accepted') as told_accepted,
           (select count(*) from notifications.journal where state = 'dead') as messages_dead,
           coalesce(latency[1], 0)::float8 as p50, coalesce(latency[2], 0)::float8 as p99
      from (
          select percentile_cont(array[0.5, 0.99]) within group (
                     order by extract(epoch from label.created_at - placed.accepted_at) * 1000) as latency
            from gateway.orders placed join labels.label on label.order_id = placed.order_id::text
      ) measured";

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
