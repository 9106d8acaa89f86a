//! `despatch status`: how the shop does today, and what waits.

use std::fmt::Write as _;

use despatch_read_model::cases::ReasonCases;
use despatch_read_model::{OrderBook, ShopFigures};
use despatch_runtime::{Database, DbError, Outage, RetryFilter, count_retries, list_outages};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::{Value, json};

use crate::config::Config;
use crate::local::{DataDir, Owner, ServerStates, attach};
use crate::output::{Table, amount, next_command, print, span, width};
use crate::registry::Registry;
use crate::result::{Result, hinted};

/// The figures that are printed.
#[derive(Debug)]
struct ShopStatus {
    /// The last midnight here.
    since: Zoned,
    figures: ShopFigures,
    /// How many events wait for their next try, by worker; workers without any are left out.
    retries: Vec<(&'static str, u64)>,
    /// The providers that are out of service, by worker.
    outages: Vec<(&'static str, Outage)>,
    /// The private servers.
    servers: ServerStates,
}

/// Prints today's figures, or that nothing runs here.
pub(crate) async fn status(registry: &Registry, config: Config, data_dir: &DataDir, as_json: bool) -> Result {
    // The address of a deployment that has been stopped is still there.
    if config.database_url.is_empty() && data_dir.owner()? == Owner::Nobody {
        return nothing(data_dir, as_json);
    }
    let servers = data_dir.servers()?;
    let faults: Vec<String> = servers
        .iter()
        .filter(|(_, server)| server.fault.is_some())
        .filter_map(|(name, server)| server.line(name))
        .collect();
    let status = match read(registry, &attach(config, data_dir)?).await {
        Ok(figures) => ShopStatus { servers, ..figures },
        Err(error) if faults.is_empty() => return Err(error.into()),
        Err(error) => return Err(hinted(error, faults.join("\n"))),
    };
    if as_json {
        return print(&format!("{:#}\n", status.as_object()));
    }
    print(&status.as_lines(width()))
}

fn nothing(data_dir: &DataDir, as_json: bool) -> Result {
    if as_json {
        return print(&format!("{:#}\n", json!({ "running": false })));
    }
    print(&format!("nothing runs here; begin with despatch up{}\n", data_dir.option()))
}

async fn read(registry: &Registry, config: &Config) -> Result<ShopStatus, DbError> {
    let book = OrderBook::new(&config.settings())?;
    let now = book.now().await?;
    let since = midnight(now, TimeZone::system());
    let figures = book.figures(since.timestamp()).await?;
    let (mut retries, mut outages) = (Vec::new(), Vec::new());
    for worker in registry.names() {
        let db = Database::new(config.database_of(worker), 1)?;
        let count = count_retries(&db, worker, &RetryFilter::default()).await?;
        if count > 0 {
            retries.push((worker, count));
        }
        outages.extend(list_outages(&db, worker).await?.into_iter().map(|outage| (worker, outage)));
    }
    Ok(ShopStatus { since, figures, retries, outages, servers: ServerStates::default() })
}

/// The beginning of the day in a zone.
fn midnight(now: Timestamp, zone: TimeZone) -> Zoned {
    let now = now.to_zoned(zone);
    now.start_of_day().unwrap_or(now)
}

impl ShopStatus {
    fn as_lines(&self, width: Option<usize>) -> String {
        let ShopFigures { placed, moved, refunded, under_way, cases, .. } = &self.figures;
        let refunded: Vec<String> =
            refunded.iter().map(|(currency, minor)| amount(*minor, currency)).collect();
        let refunded = if refunded.is_empty() { "nothing".to_owned() } else { refunded.join(", ") };
        let mut text = format!(
            "today, since {}\n  {placed} placed, {} despatched, {} delivered, {} cancelled, {} returned\n  \
             {refunded} refunded\n",
            self.since.strftime("%H:%M %Z"),
            moved.despatched,
            moved.delivered,
            moved.cancelled,
            moved.returned,
        );
        text += "\non the way\n";
        let mut table = Table::new(["STATE", "ORDERS", "OLDEST MOVED"]).right(&["ORDERS"]);
        for count in under_way {
            let oldest = SignedDuration::try_from_secs_f64(count.oldest_seconds).unwrap_or_default();
            table.row([count.state.to_string(), count.orders.to_string(), format!("{} ago", span(oldest))]);
        }
        text += &section(&table, width);
        let (all, overdue) = cases
            .iter()
            .fold((0, 0), |(all, overdue), reason| (all + reason.cases, overdue + reason.overdue));
        let _ = writeln!(text, "\ncases: {all} to decide, {overdue} overdue");
        if !cases.is_empty() {
            let mut table = Table::new(["CASES", "QUEUE", "NEXT"]).right(&["CASES"]);
            for ReasonCases { queue, reason, cases, .. } in cases {
                let next = next_command(format_args!("exceptions list --reason {reason}"));
                table.row([cases.to_string(), queue.clone(), next]);
            }
            text += &section(&table, width);
        }
        let waiting: u64 = self.retries.iter().map(|(_, count)| count).sum();
        let _ = write!(text, "\nwaiting for another try: {waiting}");
        if waiting > 0 {
            let workers: Vec<String> =
                self.retries.iter().map(|(worker, count)| format!("{worker} {count}")).collect();
            let _ = write!(text, " ({})   {}", workers.join(", "), next_command("retries list"));
        }
        text.push('\n');
        for (worker, Outage { provider, reason, waiting, .. }) in &self.outages {
            let _ = writeln!(text, "out of service: {provider} ({reason}), {waiting} of {worker} wait");
        }
        let servers: Vec<String> =
            self.servers.iter().filter_map(|(name, server)| server.line(name)).collect();
        if !servers.is_empty() {
            text += "\nservers\n";
            for server in servers {
                let _ = writeln!(text, "  {server}");
            }
        }
        text
    }

    fn as_object(&self) -> Value {
        let ShopFigures { placed, moved, refunded, under_way, cases, .. } = &self.figures;
        let refunded: Vec<Value> = refunded
            .iter()
            .map(|(currency, minor)| json!({ "currency": currency, "minor": minor }))
            .collect();
        let retries: serde_json::Map<String, Value> =
            self.retries.iter().map(|(worker, count)| ((*worker).to_owned(), json!(count))).collect();
        let mut today = json!(moved);
        today["since"] = json!(self.since.timestamp());
        today["placed"] = json!(placed);
        today["refunded"] = json!(refunded);
        let outages: Vec<Value> = self
            .outages
            .iter()
            .map(|(worker, Outage { provider, reason, waiting, .. })| {
                json!({ "worker": worker, "provider": provider, "reason": reason, "waiting": waiting })
            })
            .collect();
        json!({
            "running": true, "today": today, "on_the_way": under_way, "cases": cases, "retries": retries,
            "outages": outages,
            "servers": self.servers,
        })
    }
}

/// A table under its heading; `nothing` when it is empty.
fn section(table: &Table, width: Option<usize>) -> String {
    if table.is_empty() {
        return "  nothing\n".to_owned();
    }
    let lines = table.render(width.map(|width| width.saturating_sub(2)));
    lines.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use despatch_read_model::orders::{Movements, StateCount};
    use despatch_status::OrderState;

    use super::*;

    fn quiet() -> ShopStatus {
        let now = "2026-11-29T17:36:03Z".parse().unwrap();
        ShopStatus {
            since: midnight(now, TimeZone::UTC),
            figures: ShopFigures {
                placed: 0,
                moved: Movements::default(),
                refunded: Vec::new(),
                under_way: Vec::new(),
                cases: Vec::new(),
            },
            retries: Vec::new(),
            outages: Vec::new(),
            servers: ServerStates::default(),
        }
    }

    fn busy() -> ShopStatus {
        let count = |state, orders, oldest_seconds| StateCount { state, orders, oldest_seconds };
        let cases = |queue: &str, reason: &str, cases, overdue| ReasonCases {
            queue: queue.to_owned(),
            reason: reason.to_owned(),
            cases,
            overdue,
        };
        let figures = ShopFigures {
            placed: 400,
            moved: Movements { despatched: 385, delivered: 380, cancelled: 1, returned: 0 },
            refunded: vec![("USD".to_owned(), 1330)],
            under_way: vec![
                count(OrderState::Accepted, 15, 190.0),
                count(OrderState::Delivered, 380, 7300.0),
            ],
            cases: vec![
                cases("carrier-desk", "address-undeliverable", 14, 2),
                cases("warehouse", "stock-short", 1, 0),
            ],
        };
        let outage = Outage {
            provider: "stripe".to_owned(),
            state: "open".to_owned(),
            reason: "provider-refused".to_owned(),
            error: "Invalid API Key provided".to_owned(),
            since: None,
            next_probe: std::time::SystemTime::UNIX_EPOCH,
            waiting: 3,
        };
        let outages = vec![("payments", outage)];
        ShopStatus { figures, retries: vec![("payments", 3), ("labels", 1)], outages, ..quiet() }
    }

    fn on_a_terminal(status: &ShopStatus) -> String {
        let text = anstream::adapter::strip_str(&status.as_lines(Some(80))).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn a_busy_day() {
        insta::assert_snapshot!(on_a_terminal(&busy()), @r#"
today, since 00:00 UTC
  400 placed, 385 despatched, 380 delivered, 1 cancelled, 0 returned
  13.30 USD refunded

on the way
  STATE      ORDERS  OLDEST MOVED
  accepted       15  3 m ago
  delivered     380  2 h ago

cases: 15 to decide, 2 overdue
  CASES  QUEUE         NEXT
     14  carrier-desk  despatch exceptions list --reason address-undeliverable
      1  warehouse     despatch exceptions list --reason stock-short

waiting for another try: 4 (payments 3, labels 1)   despatch retries list
out of service: stripe (provider-refused), 3 of payments wait
"#);
    }

    #[test]
    fn a_quiet_day() {
        insta::assert_snapshot!(on_a_terminal(&quiet()), @r#"
today, since 00:00 UTC
  0 placed, 0 despatched, 0 delivered, 0 cancelled, 0 returned
  nothing refunded

on the way
  nothing

cases: 0 to decide, 0 overdue

waiting for another try: 0
"#);
    }

    #[test]
    fn json_has_the_figures() {
        let object = busy().as_object();
        assert_eq!(object["today"]["placed"], 400);
        assert_eq!(object["today"]["despatched"], 385);
        assert_eq!(object["on_the_way"][0]["state"], "accepted");
        assert_eq!(object["cases"][1]["reason"], "stock-short");
        assert_eq!(object["retries"]["payments"], 3);
    }

    #[test]
    fn the_day_begins_at_local_midnight() {
        let now = "2026-11-29T12:30:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(13));
        assert_eq!(midnight(now, zone).to_string(), "2026-11-30T00:00:00+13:00[+13:00]");
    }
}
