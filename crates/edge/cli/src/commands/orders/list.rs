//! `despatch orders list`: orders, the newest first.

use std::fmt::Write as _;

use despatch_domain::{Currency, Money};
use despatch_read_model::{ListedOrder, OrderBook, OrderFilter};
use despatch_status::PLACED;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::args::ListOrdersArgs;
use crate::output::{Table, print, span, width};
use crate::result::{Result, hinted};
use despatch_domain::similar::did_you_mean;

/// Prints the orders that the filter lets through.
pub(super) async fn list(book: &OrderBook, args: &ListOrdersArgs) -> Result {
    if let Some(shop) = &args.shop {
        known(book, shop).await?;
    }
    let filter =
        OrderFilter { state: args.state, idle: args.older_than, shop: args.shop.clone(), stuck: args.stuck };
    let orders = book.list(&filter, args.after, args.limit).await?;
    let full = orders.len() == args.limit;
    let next = orders.last().filter(|_| full).map(|order| order.placed.order_id.as_str());
    if args.json {
        let orders: Vec<Value> = orders.iter().map(as_object).collect();
        return print(&format!("{:#}\n", json!({ "orders": orders, "next": next })));
    }
    print(&as_lines(&orders, next, width()))
}

/// Fails for a shop that never placed an order.
async fn known(book: &OrderBook, shop: &str) -> Result {
    let shops = book.shops().await?;
    if shops.iter().any(|known| known == shop) {
        return Ok(());
    }
    let near = did_you_mean(shop, shops.iter().map(String::as_str));
    let hint = if shops.is_empty() { "no order came in yet".to_owned() } else { shops.join(", ") };
    Err(hinted(format!("--shop {shop}: no order came from such a shop{near}"), hint))
}

fn as_lines(orders: &[ListedOrder], next: Option<&str>, width: Option<usize>) -> String {
    if orders.is_empty() {
        return "no orders\n".to_owned();
    }
    let mut table = Table::new(["ORDER", "STATE", "MOVED", "TOTAL", "CASE"]).right(&["TOTAL"]);
    for order in orders {
        let name = format!("{}/{}", order.placed.shop, order.placed.shop_order_id);
        let case = order.case.as_ref().map(|case| format!("{} {}", case.number, case.reason));
        table.row([name, state(order).to_owned(), moved(order), total(order), case.unwrap_or_default()]);
    }
    let mut lines = table.render(width);
    if let Some(next) = next {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "more: --after {next}");
    }
    lines
}

/// How far it is. An order that has a case before it was accepted is not going to be accepted by itself.
fn state(order: &ListedOrder) -> &'static str {
    match &order.summary {
        Some(summary) => summary.state.name(),
        None if order.case.is_some() => "not accepted",
        None => PLACED,
    }
}

fn moved(order: &ListedOrder) -> String {
    let idle = SignedDuration::try_from_secs_f64(order.idle_seconds).unwrap_or_default();
    format!("{} ago", span(idle))
}

fn total(order: &ListedOrder) -> String {
    let Some(summary) = &order.summary else { return String::new() };
    match Currency::parse(&summary.currency) {
        Ok(currency) => Money::new(summary.total_minor, currency).to_string(),
        Err(_) => String::new(),
    }
}

fn as_object(order: &ListedOrder) -> Value {
    let ListedOrder { placed, summary, idle_seconds, case } = order;
    json!({
        "order_id": placed.order_id, "shop": placed.shop, "shop_order_id": placed.shop_order_id,
        "state": summary.as_ref().map_or(PLACED, |summary| summary.state.name()),
        "currency": summary.as_ref().map(|summary| &summary.currency),
        "total_minor": summary.as_ref().map(|summary| summary.total_minor),
        "received_at": placed.received_at,
        "updated_at": summary.as_ref().map_or(placed.received_at, |summary| summary.updated_at),
        "idle_seconds": idle_seconds, "case": case,
    })
}

#[cfg(test)]
mod tests {
    use despatch_read_model::cases::OrderCase;
    use despatch_read_model::orders::Summary;
    use despatch_read_model::placed::PlacedOrder;
    use despatch_status::OrderState;
    use jiff::Timestamp;

    use super::*;

    fn listed(number: &str, state: Option<OrderState>, idle_seconds: f64) -> ListedOrder {
        let placed = PlacedOrder {
            order_id: format!("01a2285e-d2b3-7204-b573-f6cd78ac65{:0>2}", number.len()),
            shop: "superstore".to_owned(),
            shop_order_id: number.to_owned(),
            received_at: Timestamp::UNIX_EPOCH,
            trace_id: String::new(),
        };
        let summary = state.map(|state| Summary {
            state,
            currency: "USD".to_owned(),
            total_minor: 99_390,
            updated_at: Timestamp::UNIX_EPOCH,
            idle_seconds,
        });
        ListedOrder { placed, summary, idle_seconds, case: None }
    }

    fn case(number: i64, reason: &str) -> OrderCase {
        OrderCase {
            number,
            order_id: String::new(),
            handler: "payments.capture".to_owned(),
            reason: reason.to_owned(),
            error: String::new(),
            state: "open".to_owned(),
            resolution: None,
            opened_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_list_has_a_line_for_each_order_and_says_where_it_continues() {
        let orders = [
            listed("CA-2016-152156", Some(OrderState::Completed), 12.0),
            ListedOrder {
                case: Some(case(12, "card-declined")),
                ..listed("CA-2016-138688", Some(OrderState::Reserved), 1260.0)
            },
            ListedOrder { case: Some(case(113, "address-incomplete")), ..listed("1001", None, 90_000.0) },
            listed("1002", None, 0.2),
        ];
        let text = as_lines(&orders, Some(&orders[3].placed.order_id), Some(80));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
ORDER                      STATE         MOVED          TOTAL  CASE
superstore/CA-2016-152156  completed     12 s ago  993.90 USD  –
superstore/CA-2016-138688  reserved      21 m ago  993.90 USD  12 card-declined
superstore/1001            not accepted  25 h ago           –  113 address-inco…
superstore/1002            placed        0 s ago            –  –
more: --after 01a2285e-d2b3-7204-b573-f6cd78ac6504
"#);
        assert_eq!(as_lines(&[], None, None), "no orders\n");
    }

    #[test]
    fn json_has_every_name_of_an_order() {
        let object = as_object(&listed("1001", None, 3.0));
        assert_eq!(object["shop"], "superstore");
        assert_eq!(object["shop_order_id"], "1001");
        assert_eq!((&object["state"], &object["total_minor"]), (&json!("placed"), &Value::Null));
    }
}
