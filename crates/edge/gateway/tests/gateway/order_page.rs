//! An order's page: the customer sees it, cancels, and changes the address, through the link in a mail.

use std::time::Duration;

use despatch_contracts::order::{
    OrderAccepted, OrderAddressChangeRequested, OrderCancelRequested, OrderCancelled, OrderChanged,
};
use despatch_domain::link;
use despatch_testkit::{TestEnv, eventually};

use crate::fixture::{Answer, LINK_SECRET, Request, TestGateway, order, place, shippo};
use crate::parcels::{labelled, scan, workers};

/// Returns the path of an order's page, as mails have it.
pub(crate) fn page_of(order_id: &str) -> String {
    link::order_page("", LINK_SECRET.as_bytes(), order_id)
}

/// Places an order; returns its id once it is accepted.
pub(crate) async fn accepted(env: &TestEnv, gateway: &TestGateway, number: &str) -> String {
    let order_id = gateway.send(place(&order(number))).await.order_id();
    let _: OrderAccepted = env.expect(&order_id).await;
    order_id
}

pub(crate) fn html(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn form(path: impl Into<String>, body: &str) -> Request {
    Request::new("POST", path).with("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Sends a form and follows where the answer leads, as a browser does.
async fn sent(gateway: &TestGateway, path: &str, body: &str) -> String {
    let answer = gateway.send(form(path, body)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let to = url::Url::parse(&format!("http://shop.example{path}"))
        .unwrap()
        .join(answer.header("location"))
        .unwrap();
    let to = format!("{}?{}", to.path(), to.query().unwrap());
    let page = gateway.send(Request::new("GET", to)).await;
    assert_eq!(page.status, 200);
    html(&page)
}

#[tokio::test]
async fn the_page_says_where_the_order_stands_and_lets_nobody_keep_list_or_frame_it() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let label = labelled(&env, &gateway).await;
    let page = page_of(&label.order_id);
    let packed = eventually("the parcel", async || {
        let shown = gateway.send(Request::new("GET", &*page)).await;
        html(&shown).contains("Your order is packed").then_some(shown)
    })
    .await;
    let text = html(&packed);
    for part in ["2 × Bookcase", "19.00 USD", &label.tracking_number, "1 Main St", "Cancel the order"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for internal in ["labelled", "service-by-rule", "zoe@example.com", &label.order_id] {
        assert!(!text.contains(internal), "{internal}: {text}");
    }
    let policy = packed.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.ends_with("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), "{policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(packed.header(name), value);
    }

    assert_eq!(gateway.send(shippo(&scan(&label, "TRANSIT"))).await.status, 200);
    let left = eventually("the hand-over", async || {
        let text = html(&gateway.send(Request::new("GET", &*page)).await);
        text.contains("Your order is on its way").then_some(text)
    })
    .await;
    // An order that has left is no longer changed, and its street is no longer needed.
    assert!(!left.contains("Cancel the order") && !left.contains("1 Main St"), "{left}");
    for (path, body) in
        [("cancel", "confirm=cancel"), ("address", "name=A&street1=B&city=C&region=D&postcode=E")]
    {
        let asked = html(&gateway.send(Request::new("GET", format!("{page}/{path}"))).await);
        assert!(asked.contains("This is no longer possible") && !asked.contains("<form"), "{asked}");
        let refused = sent(&gateway, &format!("{page}/{path}"), body).await;
        assert!(refused.contains("the carrier has a parcel of"), "{refused}");
    }
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>(&label.order_id).await, 0);
    assert_eq!(env.count::<OrderChanged>(&label.order_id).await, 0);
}

#[tokio::test]
async fn a_look_changes_nothing_and_a_confirmed_form_cancels_once() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = accepted(&env, &gateway, "1").await;
    let page = page_of(&order_id);
    // Mail filters open links, and some send HEAD; a form that is not confirmed asks again.
    for request in [
        Request::new("GET", &*page),
        Request::new("HEAD", format!("{page}/cancel")),
        Request::new("GET", format!("{page}/cancel?confirm=cancel")),
        Request::new("GET", format!("{page}/address?street1=X")),
        form(format!("{page}/cancel"), ""),
        form(format!("{page}/cancel"), "confirm=no"),
    ] {
        assert_eq!(gateway.send(request).await.status, 200);
    }
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelRequested>(&order_id).await, 0);

    let cancelled = sent(&gateway, &format!("{page}/cancel"), "confirm=cancel").await;
    assert!(cancelled.contains("Your order is cancelled."), "{cancelled}");
    let command: OrderCancelRequested = env.expect(&order_id).await;
    assert_eq!((&*command.requested_by, &*command.reason), ("customer", "customer-cancelled"));
    // Twice is harmless.
    let again = sent(&gateway, &format!("{page}/cancel"), "confirm=cancel").await;
    assert!(again.contains("Your order is cancelled."), "{again}");
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>(&order_id).await, 1);
}

#[tokio::test]
async fn the_address_changes_and_what_is_wrong_is_told_at_its_field() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = accepted(&env, &gateway, "1").await;
    let (page, address) = (page_of(&order_id), format!("{}/address", page_of(&order_id)));
    let asked = html(&gateway.send(Request::new("GET", &*address)).await);
    for part in
        [r#"value="1 Main St""#, r#"<label for="street1">"#, r#"autocomplete="postal-code""#, "Country: US"]
    {
        assert!(asked.contains(part), "{part}: {asked}");
    }

    let typed = "name=%3Cb%3EZo%C3%AB&street1=&city=Reno&region=NV&postcode=89501&country=CA";
    let wrong = gateway.send(form(&*address, typed)).await;
    assert_eq!(wrong.status, 400);
    let text = html(&wrong);
    for part in [
        "2 of the fields below need another look",
        r#"aria-invalid="true" aria-describedby="street1-error""#,
        r#"id="street1-error">Please fill this in."#,
        "The order cannot be sent to another country.",
        r#"value="&lt;b&gt;Zoë""#,
        r#"value="89501""#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    env.quiet().await;
    assert_eq!(env.count::<OrderAddressChangeRequested>(&order_id).await, 0);

    let typed = "name=Zo%C3%AB&company=&street1=9+Other+St&street2=&city=Reno&region=NV&postcode=89501";
    let changed = sent(&gateway, &address, typed).await;
    assert!(changed.contains("The address is changed. We send the order there."), "{changed}");
    assert!(changed.contains("9 Other St") && !changed.contains("1 Main St"), "{changed}");
    let command: OrderAddressChangeRequested = env.expect(&order_id).await;
    let to = command.address.unwrap();
    assert_eq!((&*command.requested_by, &*to.street1, &*to.country), ("customer", "9 Other St", "US"));
    let again = sent(&gateway, &address, typed).await;
    assert!(again.contains("That is the address that we have already."), "{again}");
    // A reload of the page with an older result still shows that one; the page itself shows none.
    assert!(!html(&gateway.send(Request::new("GET", &*page)).await).contains(r#"role="status""#));
}

#[tokio::test]
async fn who_asks_for_too_many_changes_is_slowed_down_and_nobody_else_is() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let hasty = accepted(&env, &gateway, "1").await;
    let other = accepted(&env, &gateway, "2").await;
    let cancel = |order_id: &str| form(format!("{}/cancel", page_of(order_id)), "confirm=cancel");
    let mut last = gateway.send(cancel(&hasty)).await;
    for _ in 0..20 {
        last = gateway.send(cancel(&hasty)).await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.header("content-type")), (429, "text/html; charset=utf-8"));
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(gateway.send(cancel(&other)).await.status, 303);
}

#[tokio::test]
async fn the_page_ends_some_days_after_the_order_and_says_how_to_get_help() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::with_page_days(&env, workers(), 30).await;
    let order_id = accepted(&env, &gateway, "1").await;
    let page = page_of(&order_id);
    let day = Duration::from_secs(24 * 3600);
    env.advance(200 * day).await;
    assert_eq!(
        gateway.send(Request::new("GET", &*page)).await.status,
        200,
        "an order that is open has a page"
    );
    sent(&gateway, &format!("{page}/cancel"), "confirm=cancel").await;
    env.advance(29 * day).await;
    assert_eq!(gateway.send(Request::new("GET", &*page)).await.status, 200);
    env.advance(2 * day).await;
    let unknown = gateway.send(Request::new("GET", page_of("00000000-0000-7000-8000-000000000000"))).await;
    for path in [page.clone(), format!("{page}/cancel"), format!("{page}/address")] {
        let expired = gateway.send(Request::new("GET", path)).await;
        assert_eq!((expired.status, html(&expired)), (404, html(&unknown)));
        assert!(html(&expired).contains("reply to our mail"));
    }
}
