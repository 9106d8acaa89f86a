//! The plan of a stock keeper: the requests of a whole run, drawn from a seed. A count reports units that are there when the person
//! looks, so it is complete only then.

use super::command::{AdjustRow, ArrivedRow, ReceiptRow, StockCommand, TransferRow};
use crate::rng::Rng;

/// A location that there is not.
const NO_LOCATION: &str = "lousville";

/// A SKU that no article has.
const NO_SKU: &str = "no-such-article";

/// The units of each article that the first request brings to each location. So most orders get theirs though units get lost.
const SPARE_UNITS: i64 = 4;

/// The most rows of a request.
const MOST_ROWS: usize = 4;

/// Reasons of units more, and of units less.
const MORE: [&str; 2] = ["found", "data-entry"];
const LESS: [&str; 6] = ["lost", "damaged", "expired", "sample", "data-entry", "supplier-short"];

/// A request that will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its id.
    pub request_id: String,
    /// The change to ask for.
    pub task: Task,
    /// How often, and how, it is sent.
    pub sending: Sending,
    /// The request whose outcome the person waits for first.
    pub after: Option<String>,
}

/// The change to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// This.
    Ask(StockCommand),
    /// To book what lies on these shelves.
    Count(Vec<Shelf>),
}

/// A place where a person looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The units that the person finds there.
    pub finds: Finds,
    /// Whether the person notes the time.
    pub notes_time: bool,
}

/// The units that a person finds on a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// As many units as are recorded.
    AsRecorded,
    /// So many more.
    More(i64),
    /// So many fewer.
    Fewer(i64),
    /// So many fewer than orders hold, at another place: where they hold some and few others are available. As many as are
    /// recorded if they hold none.
    BelowReserved(i64),
}

/// How a request is sent. In each case it is sent until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Once.
    Once,
    /// Again after the answer.
    Twice,
    /// Twice at the same time.
    Together,
    /// Again after the answer, with other contents, which must be refused.
    Altered,
}

impl Finds {
    /// Returns the units on the shelf, of which so many are recorded.
    pub fn counted(self, available: i64, reserved: i64) -> i64 {
        let recorded = available + reserved;
        match self {
            Finds::AsRecorded => recorded,
            Finds::More(units) => recorded + units,
            Finds::Fewer(units) => (recorded - units).max(0),
            Finds::BelowReserved(_) if reserved == 0 => recorded,
            Finds::BelowReserved(units) => (reserved - units).max(0),
        }
    }
}

/// Draws `count` requests about these articles and locations. There must be an article and two locations.
pub fn draw(seed: u64, skus: &[String], locations: &[&'static str], count: usize) -> Vec<Planned> {
    let mut plan = Plan { rng: Rng::new(seed), skus, locations, receipts: Vec::new(), sent_off: Vec::new() };
    (0..count).map(|number| plan.next(seed, number)).collect()
}

/// The requests so far, as far as later ones come back to them.
struct Plan<'p> {
    rng: Rng,
    skus: &'p [String],
    locations: &'p [&'static str],
    receipts: Vec<(String, Vec<ReceiptRow>)>,
    /// Transfers that arrive later, and their rows that nobody has reported as arrived.
    sent_off: Vec<(String, Vec<TransferRow>)>,
}

impl Plan<'_> {
    fn next(&mut self, seed: u64, number: usize) -> Planned {
        let request_id = format!("keeper-{seed}-{number}");
        let mut after = None;
        let task = match self.rng.below(12) {
            _ if number == 0 => self.spare_units(),
            0..3 => self.receipt(number),
            3 | 4 => Task::Ask(StockCommand::Adjust(self.rows(Self::adjustment))),
            5..8 => Task::Count(self.rows(Self::shelf)),
            8 => self.transfer(&request_id, false),
            9 => self.transfer(&request_id, true),
            _ => {
                let (task, transfer) = self.arrival();
                after = transfer;
                task
            }
        };
        let sending = match self.rng.below(12) {
            0 | 1 => Sending::Twice,
            2 | 3 => Sending::Together,
            4 => Sending::Altered,
            _ => Sending::Once,
        };
        Planned { request_id, task, sending, after }
    }

    fn rows<T>(&mut self, mut row: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.rng.below(MOST_ROWS)).map(|_| row(self)).collect()
    }

    fn sku(&mut self) -> String {
        self.skus[self.rng.below(self.skus.len())].clone()
    }

    /// A known article, or rarely an unknown one.
    fn perhaps_known_sku(&mut self) -> String {
        if self.rng.once_in(12) { NO_SKU.to_owned() } else { self.sku() }
    }

    /// A location, or rarely one that there is not.
    fn location(&mut self) -> String {
        if self.rng.once_in(12) { NO_LOCATION.to_owned() } else { self.known_location() }
    }

    fn known_location(&mut self) -> String {
        self.locations[self.rng.below(self.locations.len())].to_owned()
    }

    /// At least 1.
    fn units(&mut self, most: usize) -> i64 {
        i64::try_from(self.rng.below(most)).unwrap_or_default() + 1
    }

    fn spare_units(&mut self) -> Task {
        let places = self.skus.iter().flat_map(|sku| self.locations.iter().map(move |at| (sku, at)));
        let rows = places.zip(1..).map(|((sku, location), number): (_, usize)| ReceiptRow {
            row_id: number.to_string(),
            sku: sku.clone(),
            location: (*location).to_owned(),
            quantity: SPARE_UNITS,
        });
        let (receipt, rows) = ("spare units".to_owned(), rows.collect());
        Task::Ask(StockCommand::Receive { receipt, all_or_nothing: false, rows })
    }

    /// A delivery: a new one, or one that came before, with a row more.
    fn receipt(&mut self, number: usize) -> Task {
        let again = self.rng.once_in(3) && !self.receipts.is_empty();
        let has_ids = again || !self.rng.once_in(4);
        let mut rows: Vec<ReceiptRow> = Vec::new();
        let mut receipt = format!("DN-{number}");
        if again {
            (receipt, rows) = self.receipts[self.rng.below(self.receipts.len())].clone();
        }
        for _ in 0..=self.rng.below(if again { 1 } else { MOST_ROWS }) {
            let row_id = if has_ids { format!("{number}.{}", rows.len()) } else { String::new() };
            let (sku, location) = (self.sku(), self.location());
            rows.push(ReceiptRow { row_id, sku, location, quantity: self.units(6) });
        }
        if has_ids {
            self.receipts.push((receipt.clone(), rows.clone()));
            // The same row twice in one request.
            if self.rng.once_in(8) {
                rows.push(rows[0].clone());
            }
        }
        Task::Ask(StockCommand::Receive { receipt, all_or_nothing: self.rng.once_in(6), rows })
    }

    fn adjustment(&mut self) -> AdjustRow {
        let (sku, location, units) = (self.perhaps_known_sku(), self.location(), self.units(3));
        let is_more = self.rng.once_in(2);
        let (more, less) = (MORE[self.rng.below(MORE.len())], LESS[self.rng.below(LESS.len())]);
        // A reason of the other side fits seldom.
        let fits = !self.rng.once_in(12);
        let reason = if is_more == fits { more } else { less };
        AdjustRow { sku, location, change: if is_more { units } else { -units }, reason }
    }

    fn shelf(&mut self) -> Shelf {
        let (sku, location) = (self.perhaps_known_sku(), self.location());
        let finds = match self.rng.below(8) {
            0..3 => Finds::AsRecorded,
            3 | 4 => Finds::More(self.units(3)),
            5 | 6 => Finds::Fewer(self.units(3)),
            _ => Finds::BelowReserved(self.units(2)),
        };
        Shelf { sku, location, finds, notes_time: self.rng.once_in(2) }
    }

    fn transfer(&mut self, request_id: &str, arrives_later: bool) -> Task {
        let rows = self.rows(|plan| {
            let from = plan.location();
            let mut to = plan.location();
            while to == from {
                to = plan.known_location();
            }
            TransferRow { sku: plan.perhaps_known_sku(), from, to, quantity: plan.units(3) }
        });
        // A name that was used before is refused.
        let used = self.sent_off.first().filter(|_| self.rng.once_in(8)).map(|(name, _)| name.clone());
        let transfer = used.clone().unwrap_or_else(|| request_id.to_owned());
        if arrives_later && used.is_none() {
            self.sent_off.push((transfer.clone(), rows.clone()));
        }
        Task::Ask(StockCommand::Transfer { transfer, arrives_later, rows })
    }

    /// A part of a transfer that was sent off, or all that is left of it. Returns the transfer's request too, if the person waits for
    /// its outcome.
    fn arrival(&mut self) -> (Task, Option<String>) {
        if self.sent_off.is_empty() || self.rng.once_in(10) {
            let (transfer, rows) = ("no-such-transfer".to_owned(), Vec::new());
            return (Task::Ask(StockCommand::Arrive { transfer, rows }), None);
        }
        let at = self.rng.below(self.sent_off.len());
        let transfer = self.sent_off[at].0.clone();
        let mut rows = Vec::new();
        // Without rows, everything that is left arrives.
        if self.sent_off[at].1.len() > 1 && !self.rng.once_in(3) {
            let sent = self.sent_off[at].1.remove(0);
            let quantity = match self.rng.below(6) {
                // More than were sent, which is refused.
                0 => sent.quantity + 5,
                1 | 2 => sent.quantity - 1,
                _ => sent.quantity,
            };
            rows.push(ArrivedRow { sku: sent.sku, to: sent.to, quantity });
        } else {
            self.sent_off.remove(at);
        }
        let waits = self.rng.once_in(2).then(|| transfer.clone());
        (Task::Ask(StockCommand::Arrive { transfer, rows }), waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [&str; 3] = ["here", "there", "elsewhere"];

    fn plan(seed: u64) -> Vec<Planned> {
        draw(seed, &["A".to_owned(), "B".to_owned()], &PLACES, 600)
    }

    fn commands(plan: &[Planned]) -> impl Iterator<Item = &StockCommand> {
        plan.iter().filter_map(|planned| match &planned.task {
            Task::Ask(command) => Some(command),
            Task::Count(_) => None,
        })
    }

    #[test]
    fn a_seed_is_a_plan() {
        assert_eq!(plan(3), plan(3));
        assert_ne!(plan(3), plan(4));
    }

    #[test]
    fn a_plan_has_every_kind_of_request_bad_rows_and_repetitions() {
        let plan = plan(1);
        let (mut repeated, mut unnamed, mut bad, mut parts, mut wholes, mut used) = (0, 0, 0, 0, 0, 0);
        let mut seen: Vec<(&str, &str)> = Vec::new();
        let mut transfers: Vec<&str> = Vec::new();
        for command in commands(&plan) {
            match command {
                StockCommand::Receive { receipt, rows, .. } => {
                    for row in rows {
                        let is_known = seen.contains(&(receipt, &row.row_id));
                        repeated += usize::from(!row.row_id.is_empty() && is_known);
                        unnamed += usize::from(row.row_id.is_empty());
                        bad += usize::from(row.location == NO_LOCATION);
                        seen.push((receipt, &row.row_id));
                    }
                }
                StockCommand::Adjust(rows) => bad += rows.iter().filter(|row| row.sku == NO_SKU).count(),
                StockCommand::Transfer { transfer, rows, .. } => {
                    assert!(rows.iter().all(|row| row.from != row.to));
                    used += usize::from(transfers.contains(&transfer.as_str()));
                    transfers.push(transfer);
                }
                StockCommand::Arrive { rows, .. } if rows.is_empty() => wholes += 1,
                StockCommand::Arrive { .. } => parts += 1,
                StockCommand::Count(_) => unreachable!("a count is drawn as what a person finds"),
            }
        }
        for times in [repeated, unnamed, bad, parts, wholes, used] {
            assert!(times > 3, "{repeated} {unnamed} {bad} {parts} {wholes} {used}");
        }
        for sending in [Sending::Once, Sending::Twice, Sending::Together, Sending::Altered] {
            assert!(plan.iter().any(|planned| planned.sending == sending), "{sending:?}");
        }
        let hits = |shelf: &Shelf| matches!(shelf.finds, Finds::BelowReserved(_));
        let counts =
            plan.iter().filter(|it| matches!(&it.task, Task::Count(shelves) if shelves.iter().any(hits)));
        assert!(counts.count() > 3);
        assert!(plan.iter().any(|planned| planned.after.is_some()));
    }

    #[test]
    fn a_count_below_what_orders_hold_leaves_nothing_that_nobody_holds() {
        assert_eq!(Finds::AsRecorded.counted(3, 4), 7);
        assert_eq!(Finds::More(2).counted(3, 4), 9);
        assert_eq!(Finds::Fewer(9).counted(3, 4), 0);
        assert_eq!(Finds::BelowReserved(1).counted(3, 4), 3);
        assert_eq!(Finds::BelowReserved(5).counted(3, 4), 0);
        assert_eq!(Finds::BelowReserved(1).counted(3, 0), 3);
    }
}
