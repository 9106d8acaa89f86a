//! Orders as shops really send them, each with its end: every file of `tests/cases`, and variations of them. Each is sent
//! twice, and all of them once more in the opposite order.

mod own;

use std::collections::HashMap;

use despatch_contracts::order::{Fulfilment, Order, OrderAccepted, OrderPlaced};
use despatch_testkit::{TestEnv, eventually};
use serde_json::Value;

use crate::fixture::{Request, TestGateway, place, shippo, shopify, woocommerce};

/// The end of an input at the gateway and at orders.
#[derive(Debug, Clone)]
enum End {
    /// Accepted, with these units: SKU, way to the customer, units that stand. And with this total in minor units.
    Goes(Vec<(&'static str, Fulfilment, i64)>, i64),
    /// Waits for its payment.
    Waits,
    /// A case of orders, with this reason.
    Case(&'static str),
    /// A case of the gateway: nobody can read it.
    Unreadable,
    /// Answered 200, without a trace.
    Nothing,
}

/// An input: its name, the request, and its end.
type Row = (String, Request, End);

/// A file of `tests/cases`.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/", $name, ".json")))
    };
}
use file;

const BOOKCASE: &str = "FUR-BO-10001798";
const CHAIR: &str = "FUR-CH-10000454";

fn ours(total: i64) -> End {
    End::Goes(vec![(BOOKCASE, Fulfilment::Ours, 1)], total)
}

/// The request of a body, by its shape.
fn request(body: &Value) -> Request {
    if !body["admin_graphql_api_id"].is_null() {
        shopify(body.to_string())
    } else if !body["event"].is_null() {
        shippo(body)
    } else if !body["shop_order_id"].is_null() {
        place(body)
    } else {
        woocommerce(body.to_string())
    }
}

fn files() -> Vec<Row> {
    use Fulfilment::{Digital, None as Container, OtherService, Ours, Pickup};
    let rows = vec![
        (file!("01a-woo-one-intent-two-orders"), ours(4200)),
        (file!("01b-woo-one-intent-two-orders"), ours(4200)),
        (file!("02-shopify-presentment-currency"), ours(10_500)),
        (file!("03a-shopify-order-to-be-cancelled"), ours(10_500)),
        (file!("04a-woo-decimal-quantity"), End::Unreadable),
        (file!("04b-woo-four-decimals"), End::Goes(vec![(BOOKCASE, Ours, 1), (CHAIR, Ours, 1)], 2997)),
        (file!("05a-woo-local-pickup"), End::Goes(vec![(BOOKCASE, Pickup, 1)], 3700)),
        (file!("05c-shopify-pickup-no-address"), End::Goes(vec![(BOOKCASE, Pickup, 1)], 10_000)),
        (file!("06a-woo-status-pending"), End::Waits),
        (file!("06c-woo-status-on-hold"), End::Waits),
        (
            file!("07-shopify-line-of-another-fulfilment-service"),
            End::Goes(vec![(BOOKCASE, Ours, 1), (CHAIR, OtherService, 1)], 13_500),
        ),
        (file!("08a-shopify-test-notification"), End::Nothing),
        (file!("09-woo-tax-rounding"), ours(2838)),
        (
            file!("10a-shopify-line-without-shipping"),
            End::Goes(vec![(BOOKCASE, Ours, 1), ("", Digital, 1)], 15_500),
        ),
        (file!("10c-shopify-custom-item"), End::Case("sku-missing")),
        (file!("11a-shopify-part-paid-by-gift-card"), ours(12_400)),
        (file!("11b-shopify-all-paid-by-gift-card"), ours(7500)),
        (file!("12-shopify-tip"), ours(11_000)),
        (file!("13-shopify-duties"), ours(14_340)),
        (file!("15-shopify-customer-null-with-email"), ours(10_500)),
        (file!("16-shopify-phone-only"), ours(10_500)),
        (file!("17a-shopify-name-is-not-id"), ours(10_500)),
        (file!("20a-shippo-test-button"), End::Nothing),
        (file!("20c-shippo-null-tracking-status"), End::Nothing),
        (file!("21-api-kosovo"), ours(4200)),
        (file!("22b-api-email-international-domain"), ours(4200)),
        (
            file!("24a-woo-bundle-container"),
            End::Goes(vec![("SET-OFFICE", Container, 1), (BOOKCASE, Ours, 1), (CHAIR, Ours, 2)], 6500),
        ),
        (file!("25-woo-refunded-before-sent"), End::Case("refund-unclear")),
        (file!("26-api-no-recipient-name"), End::Case("address-incomplete")),
        (file!("31-woo-negative-fee"), ours(2700)),
        (file!("32-shopify-free-order"), ours(0)),
        (file!("33-api-three-decimals"), ours(12_340)),
        (file!("40-shopify-paid-by-shopify-payments"), ours(10_500)),
        (file!("41-shopify-authorized-at-shopify-payments"), ours(10_500)),
        (file!("42-shopify-pending-bank-deposit"), End::Waits),
        (file!("43-woo-paid-through-paypal-plugin"), ours(4200)),
    ];
    let row = |((name, body), end): ((&str, &str), End)| {
        (name.to_owned(), request(&serde_json::from_str(body).unwrap()), end)
    };
    let ping = Request::new("POST", "/webhooks/woocommerce").body("webhook_id=12");
    rows.into_iter().map(row).chain([("30-woo-ping".to_owned(), ping, End::Nothing)]).collect()
}

/// Sends the rows, each twice, and looks at the end of each.
async fn all_end_as_they_should(rows: &[Row]) {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    let mut ids = HashMap::new();
    for (name, request, end) in rows {
        let first = gateway.send(request.clone()).await;
        let again = gateway.send(request.clone()).await;
        assert!(first.status < 300 && again.status < 300, "{name}: {first:?} {again:?}");
        assert_eq!(first.order_id(), again.order_id(), "{name}");
        let leaves_nothing = matches!(end, End::Nothing | End::Unreadable);
        assert_eq!(first.order_id().is_empty(), leaves_nothing, "{name}: {first:?}");
        if !leaves_nothing {
            assert!(ids.insert(first.order_id(), name).is_none(), "{name}: an order of its own");
        }
        check(&env, name, &first.order_id(), end).await;
    }
    env.quiet().await;
    let of = |is: fn(&End) -> bool| rows.iter().filter(|(_, _, end)| is(end)).count();
    let unreadable = of(|end| matches!(end, End::Unreadable));
    assert_eq!(env.messages("dead.gateway.>").await.len(), unreadable);
    assert_eq!(env.messages("evt.order.placed").await.len(), ids.len());
    assert_eq!(env.messages("evt.order.accepted").await.len(), of(|end| matches!(end, End::Goes(..))));
    assert_eq!(env.messages("dead.orders.>").await.len(), of(|end| matches!(end, End::Case(_))));
}

async fn check(env: &TestEnv, name: &str, order_id: &str, end: &End) {
    match end {
        End::Goes(units, total) => {
            let order = env.expect::<OrderAccepted>(order_id).await.order.unwrap();
            assert_eq!((&units_of(&order), order.total_minor), (units, *total), "{name}");
            let covered: i64 = order.tenders.iter().map(|tender| tender.amount_minor).sum();
            let is_seen_otherwise = order.tenders.iter().any(|tender| tender.currency != order.currency);
            assert!(is_seen_otherwise || covered == order.total_minor, "{name}: {:?}", order.tenders);
        }
        End::Waits => {
            let _: OrderPlaced = env.expect(order_id).await;
            let sql = "select 1 from orders.unpaid where order_id = $1";
            eventually(name, async || env.db().await.query_opt(sql, &[&order_id]).await.unwrap()).await;
        }
        End::Case(reason) => assert_eq!(env.expect_dead(order_id).await.reason, *reason, "{name}"),
        End::Unreadable | End::Nothing => {}
    }
}

/// The SKU, the way to the customer and the units that stand of each line.
fn units_of(order: &Order) -> Vec<(&str, Fulfilment, i64)> {
    order.lines.iter().map(|line| (&*line.sku, line.fulfilment(), line.quantity - line.removed)).collect()
}

#[tokio::test]
async fn every_input_ends_as_it_should() {
    let mut rows = files();
    let own = own::rows();
    assert!(own.len() >= 30, "{}", own.len());
    rows.extend(own);
    all_end_as_they_should(&rows).await;
    rows.reverse();
    all_end_as_they_should(&rows).await;
}

#[tokio::test]
async fn people_are_reached_by_what_they_gave() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    let accepted = async |(_, body): (&str, &str)| -> Order {
        let order_id = gateway.send(request(&serde_json::from_str(body).unwrap())).await.order_id();
        env.expect::<OrderAccepted>(&order_id).await.order.unwrap()
    };
    let no_account = accepted(file!("15-shopify-customer-null-with-email")).await;
    assert_eq!(no_account.customer.unwrap().email, "test.person@example.com");
    let by_phone = accepted(file!("16-shopify-phone-only")).await.customer.unwrap();
    assert_eq!((&*by_phone.email, &*by_phone.phone), ("", "+15550100100"));
    assert_eq!(accepted(file!("17a-shopify-name-is-not-id")).await.number, "#1001");
    assert_eq!(accepted(file!("21-api-kosovo")).await.ship_to.unwrap().country, "XK");
    let international = accepted(file!("22b-api-email-international-domain")).await;
    assert_eq!(international.customer.unwrap().email, "test@xn--bcher-kva.example");
}
