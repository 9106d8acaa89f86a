//! An order's page: a head, what belongs to it, its history, and what it waits for.

mod money;
/// Says what the carrier was told of a parcel, and what was assumed.
fn told(packed: &Packed) -> String {
    let Packed { grams, length_mm, width_mm, height_mm, assumed_weights, unknown_sides } = packed;
    let mut told = format!("  {grams} g, {length_mm} × {width_mm} × {height_mm} mm");
    for (what, skus) in [("weight", assumed_weights), ("room", unknown_sides)] {
        if !skus.is_empty() {
            let _ = write!(told, "; {what} of {} assumed", skus.join(", "));
        }
    }
    told
}

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::mem;

use despatch_contracts::Event as _;
use despatch_contracts::notification::NotificationSkipped;
use despatch_contracts::order::{Address, Customer, Order};
use despatch_domain::amount;
use despatch_read_model::cases::OrderCase;
use despatch_read_model::labels::{LabelState, Packed};
use despatch_read_model::orders::Step;
use despatch_read_model::placed::PlacedOrder;
use despatch_read_model::{OrderRecord, PICKUP, Parcel};
use despatch_status::{PLACED, ParcelStage, ReviewState};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use unicode_width::UnicodeWidthStr as _;

use super::history::history;
use crate::output::{age, cut, next_command};

/// The width of labels, with the gap behind them.
const LABEL: usize = 10;

/// How far to the right amounts stand, where the terminal has as much room.
const WIDTH: usize = 80;

/// Everything that is known of an order.
pub(super) struct OrderPage {
    pub(super) placed: PlacedOrder,
    /// The order as the customer placed it.
    pub(super) contents: Option<Order>,
    /// The workers' record; `None` while it is not accepted.
    pub(super) record: Option<OrderRecord>,
    /// Every case about it, the oldest first.
    pub(super) cases: Vec<OrderCase>,
    /// The database's time.
    pub(super) now: Timestamp,
}

/// When the customer ordered it.
pub(super) fn ordered_at(order: &Order) -> Option<Timestamp> {
    let at = order.placed_at.as_ref()?;
    Timestamp::new(at.seconds, at.nanos).ok()
}

impl OrderPage {
    /// The page as text, with times in this zone. `verbose` has every id, code and digit.
    pub(super) fn render(&self, zone: &TimeZone, verbose: bool, width: Option<usize>) -> String {
        // A page that is asked for in full is not cut.
        let room = width.filter(|_| !verbose).map(|width| width.saturating_sub(LABEL));
        let mut page = Page { text: String::new(), zone, now: self.now, verbose, room };
        let PlacedOrder { order_id, shop, shop_order_id, trace_id, .. } = &self.placed;
        page.text = format!("{shop} {shop_order_id}   {}\n\n", self.state());
        self.head(&mut page);
        if let Some(order) = &self.contents {
            page.lines(order);
            page.field("payment", &money::payment(order, self.record.as_ref(), verbose));
        }
        if let Some(record) = &self.record {
            page.record(record);
        }
        let steps = self.record.as_ref().map_or(&[][..], |record| &record.timeline);
        page.block("history", &history(steps, &self.cases, zone, verbose));
        page.field("id", order_id);
        page.field("trace", trace_id);
        for case in self.cases.iter().filter(|case| case.is_open()) {
            let OrderCase { number, reason, opened_at, .. } = case;
            let since = age(*opened_at, self.now);
            let what = format!("case {number}, {reason}, since {since}");
            let show = next_command(format_args!("exceptions show {number}"));
            page.field("stuck", &format!("{what}   {show}"));
        }
        page.text
    }

    /// How far it is. An order that has a case before it was accepted is not going to be accepted by itself.
    fn state(&self) -> &str {
        match &self.record {
            Some(record) => record.state,
            None if self.cases.iter().any(OrderCase::is_open) => "not accepted",
            None => PLACED,
        }
    }

    fn head(&self, page: &mut Page<'_>) {
        let Some(order) = &self.contents else {
            if self.record.is_some() {
                return page
                    .field("received", &format!("{}; no longer kept", page.moment(self.placed.received_at)));
            }
            let received = page.moment(self.placed.received_at);
            page.field("received", &format!("{received}; orders has not recorded it yet"));
            return;
        };
        let placed_at = ordered_at(order).unwrap_or(self.placed.received_at);
        let mut placed = page.moment(placed_at);
        // An import brings orders of long ago.
        if self.placed.received_at.duration_since(placed_at) > SignedDuration::from_hours(1) {
            let _ = write!(placed, ", received {}", page.moment(self.placed.received_at));
        }
        page.field("placed", &placed);
        page.field("customer", &customer(order.customer.as_ref()));
        page.field("ship to", &address(order.ship_to.as_ref()));
    }
}

fn customer(customer: Option<&Customer>) -> String {
    let Some(Customer { name, email, .. }) = customer else { return "not named".to_owned() };
    let email = if email.is_empty() { String::new() } else { format!("<{email}>") };
    joined(&[name.as_str(), &email], " ")
}

fn address(address: Option<&Address>) -> String {
    let Some(to) = address else { return "not named".to_owned() };
    let town = joined(&[to.city.as_str(), &to.region, &to.postcode, &to.country], " ");
    joined(&[to.name.as_str(), &to.company, &to.street1, &to.street2, &town], ", ")
}

/// Joins the parts that are not empty.
fn joined(parts: &[&str], separator: &str) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(separator)
}

/// A page that is being written.
struct Page<'p> {
    text: String,
    zone: &'p TimeZone,
    now: Timestamp,
    verbose: bool,
    /// The columns beside the labels; `None` where nothing is cut.
    room: Option<usize>,
}

impl Page<'_> {
    /// A label and what belongs to it.
    fn field(&mut self, label: &str, value: &str) {
        self.block(label, &[value.to_owned()]);
    }

    /// A label and lines beside it. Nothing is written where there is no line.
    fn block(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "{label:<LABEL$}{}", cut(line, self.room));
        }
    }

    /// An instant to the minute. The year is said where it is not this year.
    fn moment(&self, at: Timestamp) -> String {
        if self.verbose {
            return at.to_string();
        }
        let (at, now) = (at.to_zoned(self.zone.clone()), self.now.to_zoned(self.zone.clone()));
        let format = if at.year() == now.year() { "%d %b %H:%M %Z" } else { "%d %b %Y %H:%M %Z" };
        at.strftime(format).to_string()
    }

    /// Writes a line for each SKU, and the total.
    fn lines(&mut self, order: &Order) {
        let mut lines = Vec::new();
        let digits = order.lines.iter().map(|line| line.quantity.to_string().len()).max().unwrap_or(1);
        for line in &order.lines {
            let what = format!("{:>digits$} × {}  {}", line.quantity, line.sku, line.title);
            lines.push(self.priced(&what, &money::decimal(line.total_minor, &order.currency)));
        }
        let total = amount(order.total_minor, &order.currency);
        let room = self.room_beside(&total);
        let mut extras = String::new();
        for part in money::extras(order).into_iter().chain(["total".to_owned()]) {
            if !extras.is_empty() {
                extras.push(',');
                if extras.width() + 1 + part.width() > room {
                    lines.push(mem::take(&mut extras));
                } else {
                    extras.push(' ');
                }
            }
            extras.push_str(&part);
        }
        lines.push(self.priced(&extras, &total));
        self.block("lines", &lines);
    }

    /// The columns for a text with this amount at the right edge, after a gap.
    fn room_beside(&self, amount: &str) -> usize {
        let edge = self.room.map_or(WIDTH - LABEL, |room| room.min(WIDTH - LABEL));
        edge.saturating_sub(amount.width() + 2)
    }

    /// A text with an amount at the right edge.
    fn priced(&self, what: &str, amount: &str) -> String {
        let room = self.room_beside(amount);
        let what = cut(what, self.room.map(|_| room));
        let padding = " ".repeat(room.saturating_sub(what.width()) + 2);
        format!("{what}{padding}{amount}")
    }

    /// Writes the parcels, mails and review.
    fn record(&mut self, record: &OrderRecord) {
        let parcels: Vec<String> = record.parcels.iter().map(|parcel| self.parcel(parcel)).collect();
        if parcels.is_empty() {
            self.field("parcels", "none");
        } else {
            self.block("parcels", &parcels);
        }
        let mails: Vec<String> = record
            .messages
            .iter()
            .map(|mail| {
                let id = if self.verbose { format!("  {}", mail.message_id) } else { String::new() };
                format!("{:<16}  {}{id}", mail.milestone, self.moment(mail.sent_at))
            })
            .collect();
        let is_skipped = |step: &Step| step.event == NotificationSkipped::TYPE;
        if mails.is_empty() && record.timeline.iter().any(is_skipped) {
            self.field("mail", "none, because the order has no usable e-mail address");
        } else if mails.is_empty() {
            self.field("mail", "none");
        } else {
            self.block("mail", &mails);
        }
        if let Some(review) = &record.review {
            let stars = review.rating.map(|rating| format!("{rating} of 5 stars"));
            let comment = review.comment.as_deref().map(crate::output::one_line).unwrap_or_default();
            let answer = joined(&[stars.as_deref().unwrap_or_default(), &comment], ": ");
            let state = match review.state {
                ReviewState::AwaitingDelivery => "asked for when every parcel is delivered",
                ReviewState::Asking => "the customer is asked",
                ReviewState::Answered => "",
                ReviewState::Stopped => "not asked for",
                ReviewState::Lapsed => "asked for and not given",
            };
            self.field("review", &joined(&[state, &answer], ", "));
        }
    }

    fn parcel(&self, parcel: &Parcel) -> String {
        let stage = parcel.stage.map_or("", ParcelStage::name);
        let Parcel { parcel: number, carrier, service, tracking_number, label_id, reason, .. } = parcel;
        if carrier == PICKUP {
            return format!("{number}  {stage}, the customer collects it");
        }
        let void = match parcel.label_state {
            Some(LabelState::VoidRequested) => ", the carrier is asked to take the label back",
            Some(LabelState::Voided) => ", label voided",
            Some(LabelState::Valid) | None => "",
        };
        let mut line = format!("{number}  {stage}, {carrier} {tracking_number}  {service}{void}");
        if self.verbose {
            let _ = write!(line, "  label {label_id}  {reason}");
            if let Some(packed) = &parcel.packed {
                line.push_str(&told(packed));
            }
        }
        line
    }
}
