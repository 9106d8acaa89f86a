//! How far the demo is: a bar on a terminal, elsewhere a line every few seconds.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::result::Result;

/// The time between two lines.
const INTERVAL: Duration = Duration::from_secs(3);

/// Shows progress on standard error.
pub(super) struct ProgressDisplay {
    bar: ProgressBar,
    orders: usize,
    started: Instant,
    /// When the next line is due; `None` where there are no lines.
    next_line: Mutex<Option<Instant>>,
}

impl ProgressDisplay {
    /// Shows nothing if `quiet`.
    pub(super) fn new(orders: usize, quiet: bool) -> Result<Self> {
        let style = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} ended  {msg}")?;
        let bar = ProgressBar::new(orders as u64).with_style(style);
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let started = Instant::now();
        let lines = !quiet && bar.is_hidden();
        Ok(ProgressDisplay { bar, orders, started, next_line: Mutex::new(lines.then_some(started)) })
    }

    /// So many orders have ended; `text` says where the others are.
    pub(super) fn show(&self, ended: usize, text: &impl Display) {
        self.bar.set_position(ended as u64);
        self.bar.set_message(text.to_string());
        let Ok(mut next_line) = self.next_line.lock() else { return };
        let now = Instant::now();
        if next_line.is_some_and(|due| due <= now) {
            *next_line = Some(now + INTERVAL);
            let seconds = self.started.elapsed().as_secs();
            // Progress that nobody can read is no failure of the demo.
            let _ = writeln!(std::io::stderr(), "{seconds:>4} s  {ended}/{} ended  {text}", self.orders);
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
