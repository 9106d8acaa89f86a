//! The events of a running `up`: how many orders were placed, how many cases are open, and each case that opens.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use despatch_exceptions::{Case, CaseError, CaseFilter, CaseQueries};
use despatch_runtime::{Database, DbError};
use jiff::Zoned;

use super::screen::Screen;
use crate::local::DataDir;
use crate::output::width;

/// The least time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How much longer than a look it is until the next one: counting must not become a load of its own.
const SPARE: u32 = 20;

/// The least time between two lines where none can be renewed in place.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How many cases are shown of those that open between two looks.
const SHOWN: u32 = 10;

/// Looks at the shop's figures.
pub(super) struct Watch {
    gateway: Database,
    cases: CaseQueries,
    /// The last case that needs not be told; `None` before the first look.
    last_case: Option<i64>,
}

/// The figures of the last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Figures {
    orders: i64,
    cases: i64,
}

#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Orders(#[from] DbError),
    #[error(transparent)]
    Cases(#[from] CaseError),
}

impl Watch {
    /// Reads the gateway's database and that of the exceptions worker. Cases of earlier runs are counted, not told.
    pub(super) fn new(gateway: Database, exceptions: Database) -> Self {
        Watch { gateway, cases: CaseQueries::new(exceptions), last_case: None }
    }

    /// Shows what happens, for as long as it is polled.
    pub(super) async fn show(mut self, data_dir: &DataDir, screen: &Screen) {
        let mut shown = Figures::default();
        let mut next_line = Instant::now();
        loop {
            let began = Instant::now();
            match self.look().await {
                Ok((figures, opened)) => {
                    screen.print(&lines(&opened));
                    let text = || figures.line(data_dir, width());
                    if screen.renews() {
                        screen.renew(text());
                    } else if figures != shown && next_line <= Instant::now() {
                        screen.print(&format!("{}\n", text()));
                        shown = figures;
                        next_line = Instant::now() + LINE_INTERVAL;
                    }
                }
                // The workers say it too, and the next look may succeed.
                Err(error) => tracing::debug!(%error, "cannot count orders and cases"),
            }
            tokio::time::sleep(INTERVAL.max(began.elapsed() * SPARE)).await;
        }
    }

    async fn look(&mut self) -> Result<(Figures, Vec<Case>), LookError> {
        let orders = despatch_gateway::count_orders(&self.gateway).await?;
        let cases = self.cases.counts(&CaseFilter::default()).await?.cases;
        let last_case = match self.last_case {
            Some(last_case) => last_case,
            None => self.cases.last_number().await?,
        };
        let opened = self.cases.opened_after(last_case, SHOWN).await?;
        self.last_case = Some(if opened.len() < SHOWN as usize {
            opened.last().map_or(last_case, |case| case.number)
        } else {
            // More than anyone reads: the figures tell of the others.
            self.cases.last_number().await?
        });
        Ok((Figures { orders, cases }, opened))
    }
}

impl Figures {
    /// The figures, with the next command if the whole of it fits into `width`.
    fn line(self, data_dir: &DataDir, width: Option<usize>) -> String {
        let Figures { orders, cases } = self;
        let counted = |count, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let line = format!("{}  {} placed, {} open", now(), counted(orders, "order"), counted(cases, "case"));
        // Half a command would be a wrong one.
        let command = format!("   despatch exceptions list{}", data_dir.option());
        let fits = width.is_none_or(|width| line.len() + command.len() <= width);
        if cases > 0 && fits { line + &command } else { line }
    }
}

/// A line for each case.
fn lines(opened: &[Case]) -> String {
    let mut text = String::new();
    for case in opened {
        let order = case.shop_order().map(|order| format!("  {order}")).unwrap_or_default();
        let worth = case.worth().map(|worth| format!("  {worth}")).unwrap_or_default();
        let _ = writeln!(text, "{}  case {}  {}{order}{worth}", now(), case.number, case.reason);
    }
    text
}

/// The time of day, as a person's clock has it.
fn now() -> String {
    Zoned::now().strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_line_has_the_whole_command_or_none() {
        let figures = Figures { orders: 1200, cases: 3 };
        let line = |dir: &str, width| figures.line(&DataDir::new(Path::new(dir)), width);
        let short = "  1200 orders placed, 3 cases open";
        assert!(line(".despatch", Some(80)).ends_with("   despatch exceptions list"));
        assert!(line("/var/lib/shops/quay-street/despatch", Some(80)).ends_with(short));
        assert!(line("/srv/quay-street", None).ends_with(" --data-dir /srv/quay-street"));
    }
}
