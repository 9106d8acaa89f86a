//! An event as it is shown.

use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Malformed, Subject};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::meaning::meaning;
use super::names::{OrderName, OrderNames};
use crate::output::{cut, one_line};

/// The columns, as [`Row::as_line`] writes them.
pub(super) const HEADER: &str = "TIME      ORDER                       EVENT";

/// The width of the order's column; most names fit.
const ORDER: usize = 26;

/// An event and the order that it is about.
pub(super) struct Row {
    envelope: Envelope,
    at: Option<Timestamp>,
    order: Option<OrderName>,
    meaning: String,
}

impl Row {
    pub(super) async fn new(envelope: Envelope, names: &mut OrderNames) -> Self {
        let order = names.of(&envelope).await;
        Row::about(envelope, order)
    }

    fn about(envelope: Envelope, order: Option<OrderName>) -> Self {
        let at = envelope.time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        let meaning = one_line(&meaning(envelope.event_type(), envelope.payload.clone()));
        Row { envelope, at, order, meaning }
    }

    /// Time, order and what happened. `verbose` adds a line of ids.
    pub(super) fn as_line(&self, zone: &TimeZone, width: Option<usize>, verbose: bool) -> String {
        let at = self.at.map(|at| at.to_zoned(zone.clone()));
        let at = at.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default();
        let order = self.order();
        let padding = " ".repeat(ORDER.saturating_sub(order.width()));
        let line = format!("{at:<8}  {order}{padding}  {}", self.meaning);
        let line = cut(line.trim_end(), width);
        if !verbose {
            return line;
        }
        let Envelope { nats_subject, subject, event_id, generation, source, .. } = &self.envelope;
        let trace = self.envelope.trace().trace_id;
        format!(
            "{line}\n          {nats_subject}  {subject}  event {event_id}#{generation}  from {source}  trace {trace}"
        )
    }

    fn order(&self) -> String {
        match &self.order {
            Some(OrderName { shop, shop_order_id }) => format!("{shop}/{shop_order_id}"),
            None if self.envelope.subject.is_empty() => "–".to_owned(),
            None => cut(&self.envelope.subject, Some(ORDER)),
        }
    }

    pub(super) fn as_json(&self) -> String {
        let Envelope { nats_subject, subject, event_id, generation, source, .. } = &self.envelope;
        let (shop, shop_order_id) =
            self.order.as_ref().map(|order| (&order.shop, &order.shop_order_id)).unzip();
        json!({
            "time": self.at, "nats_subject": nats_subject, "event_type": self.envelope.event_type(),
            "event_id": event_id, "generation": generation, "source": source, "subject": subject,
            "order_id": Subject::parse(subject).order_id(), "shop": shop, "shop_order_id": shop_order_id,
            "trace_id": self.envelope.trace().trace_id.to_string(), "meaning": self.meaning,
        })
        .to_string()
    }
}

/// A message that is no event, as an object.
pub(super) fn unreadable_as_json(nats_subject: &str, why: &Malformed) -> String {
    json!({ "nats_subject": nats_subject, "unreadable": why.to_string() }).to_string()
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::{OrderCancelled, OrderCompleted};
    use despatch_contracts::{Emitted, EventId, Trace};
    use serde_json::Value;

    use super::*;

    fn row(event: Emitted, order: Option<(&str, &str)>) -> Row {
        let id = EventId::parse("01a2285e-d2b3-7204-b573-f6cd78ac6541").unwrap();
        let mut envelope = Envelope::first(id, "orders.track", event, &Trace::root());
        envelope.time = Some(prost_types::Timestamp { seconds: 1_796_000_000, nanos: 5 });
        envelope.traceparent = "00-586821a1c2d3e4f5061728394a5b6c7d-0011223344556677-01".to_owned();
        let order =
            order.map(|(shop, number)| OrderName { shop: shop.to_owned(), shop_order_id: number.to_owned() });
        Row::about(envelope, order)
    }

    fn rows() -> [Row; 2] {
        let completed = OrderCompleted { order_id: "01a2285e-d2b3-7204-b573-f6cd78ac6541".to_owned() };
        let long = OrderCancelled { order_id: "1".to_owned(), reason: "a reason ".repeat(20) };
        [row((&completed).into(), Some(("superstore", "CA-2016-152156"))), row((&long).into(), None)]
    }

    #[test]
    fn a_line_has_time_order_and_meaning_and_fits_the_terminal() {
        let zone = TimeZone::UTC;
        let lines: Vec<String> = rows().iter().map(|row| row.as_line(&zone, Some(80), false)).collect();
        assert!(lines.iter().all(|line| line.width() <= 80), "{lines:?}");
        insta::assert_snapshot!(format!("{HEADER}\n{}", lines.join("\n")), @r#"
TIME      ORDER                       EVENT
00:53:20  superstore/CA-2016-152156   completed
00:53:20  order/1                     cancelled: a reason a reason a reason a r…
"#);
    }

    #[test]
    fn ids_are_shown_on_demand_and_in_json() {
        let [row, _] = rows();
        insta::assert_snapshot!(row.as_line(&TimeZone::UTC, Some(80), true), @r#"
00:53:20  superstore/CA-2016-152156   completed
          evt.order.completed  order/01a2285e-d2b3-7204-b573-f6cd78ac6541  event 01a2285e-d2b3-7204-b573-f6cd78ac6541#0  from orders.track  trace 586821a1c2d3e4f5061728394a5b6c7d
"#);
        let object: Value = serde_json::from_str(&row.as_json()).unwrap();
        assert_eq!(
            (&object["shop"], &object["event_type"]),
            (&"superstore".into(), &"order.completed".into())
        );
        assert_eq!(object["order_id"], "01a2285e-d2b3-7204-b573-f6cd78ac6541");
    }
}
