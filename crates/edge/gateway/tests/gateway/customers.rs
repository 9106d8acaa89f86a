//! Customers come from links in mails: they review, and they unsubscribe.

use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::review::ReviewReceived;
use despatch_domain::link;
use despatch_testkit::TestEnv;

use crate::fixture::{LINK_SECRET, Request, TestGateway};

/// The path of a link that we wrote.
fn link_to(what: &str, purpose: &str, order_id: &str) -> String {
    format!("/{what}/{order_id}/{}", link::sign(LINK_SECRET.as_bytes(), purpose, order_id))
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
                401,
                "{path}"
            );
        }
    }
    env.quiet().await;
    assert_eq!(env.messages("evt.>").await.len(), 0);
}
