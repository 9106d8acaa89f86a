//! Customers use links from mails: they review, and they unsubscribe.

use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::review::ReviewReceived;
use despatch_domain::link;
use despatch_testkit::TestEnv;

use crate::fixture::{FORMER_LINK_SECRET, LINK_SECRET, Request, TestGateway};

/// Returns the path of a signed link.
fn link_to(what: &str, purpose: &str, order_id: &str) -> String {
    signed_by(LINK_SECRET, what, purpose, order_id)
}

fn signed_by(secret: &str, what: &str, purpose: &str, order_id: &str) -> String {
    format!("/{what}/{order_id}/{}", link::sign(secret.as_bytes(), purpose, order_id))
}

#[tokio::test]
async fn a_review_comes_back_from_the_form() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let path = link_to("reviews", "review", "o-1");
    let form = gateway.send(Request::new("GET", &*path)).await;
    assert_eq!(form.status, 200);
    assert!(String::from_utf8_lossy(&form.body).contains(r#"name="rating""#));
    assert!(form.header("content-security-policy").starts_with("default-src 'none'"));

    let answer = Request::new("POST", &*path)
        .with("content-type", "application/x-www-form-urlencoded")
        .body("rating=4&comment=Tr%C3%A8s+bien");
    let thanks = gateway.send(answer).await;
    assert_eq!((thanks.status, thanks.header("content-type")), (200, "text/html; charset=utf-8"));
    let review: ReviewReceived = env.expect("o-1").await;
    assert_eq!((review.rating, &*review.comment), (4, "Très bien"));
}

#[tokio::test]
async fn a_review_comes_back_as_json() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let answer = Request::new("POST", link_to("reviews", "review", "o-2"))
        .with("content-type", "application/json; charset=utf-8")
        .body(r#"{"rating": 5}"#);
    assert_eq!(gateway.send(answer).await.status, 204);
    let review: ReviewReceived = env.expect("o-2").await;
    assert_eq!((review.rating, &*review.comment), (5, ""));
}

#[tokio::test]
async fn one_click_unsubscribes_and_a_look_does_not() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let path = link_to("unsubscribe", despatch_notifications::UNSUBSCRIBE, "o-3");
    assert_eq!(gateway.send(Request::new("GET", &*path)).await.status, 200);
    env.quiet().await;
    assert_eq!(env.count::<Unsubscribed>("o-3").await, 0);

    let click = Request::new("POST", &*path)
        .with("content-type", "application/x-www-form-urlencoded")
        .body("List-Unsubscribe=One-Click");
    assert_eq!(gateway.send(click).await.status, 200);
    let _: Unsubscribed = env.expect("o-3").await;
}

#[tokio::test]
async fn a_link_is_good_for_nothing_else() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    for path in [
        link_to("reviews", "unsubscribe", "o-4"),
        link_to("unsubscribe", "review", "o-4"),
        link_to("reviews", "review", "o-4").replace("o-4", "o-5"),
        "/reviews/o-4/guessed".to_owned(),
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(
                gateway.send(Request::new(method, &*path).body("rating=1")).await.status,
                404,
                "{path}"
            );
        }
    }
    env.quiet().await;
    assert_eq!(env.messages("evt.>").await.len(), 0);
}

#[tokio::test]
async fn a_link_that_was_mangled_shows_a_page() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let link = link_to("reviews", "review", "o-6");
    for path in [
        &link[..link.len() - 3],
        &format!("{link}."),
        &format!("{link}/"),
        "/reviews/o-6",
        "/reviews",
        "/reviews/%ff/x",
        "/",
        "/unsubscribe/o-6",
        "/unsubscribe/o-6/A%0AB",
    ] {
        let answer = gateway.send(Request::new("GET", path)).await;
        let html = String::from_utf8_lossy(&answer.body);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, "text/html; charset=utf-8"),
            "{path}"
        );
        for part in ["This link does not work", "Quay Street Supplies", "Open the link in our mail again"] {
            assert!(html.contains(part), "{path}: {html}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let method = gateway.send(Request::new("PUT", &*link)).await;
    assert_eq!((method.status, method.header("content-type")), (405, "text/html; charset=utf-8"));
    for path in ["/v1/orders/1", "/v1/nothing", "/labels/1", "/webhooks/nothing"] {
        let answer = gateway.send(Request::new("GET", path)).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert!(answer.json()["error"]["code"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn a_link_outlives_the_secret_that_signed_it() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    for (secret, status) in
        [(LINK_SECRET, 200), (FORMER_LINK_SECRET, 200), ("a-secret-that-was-removed-long-ago", 404)]
    {
        let path = signed_by(secret, "reviews", "review", "o-7");
        assert_eq!(gateway.send(Request::new("GET", &*path)).await.status, status, "{secret}");
    }
}
