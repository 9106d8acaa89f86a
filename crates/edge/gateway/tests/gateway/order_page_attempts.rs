//! Attempts to reach somebody else's order. Each has the answer of a link that does not exist, byte for byte.

use std::fmt::Write as _;

use despatch_contracts::order::{OrderAddressChangeRequested, OrderCancelRequested};
use despatch_domain::link;
use despatch_testkit::TestEnv;

use crate::fixture::{LINK_SECRET, Request, TestGateway};
use crate::order_page::{accepted, html, page_of};
use crate::parcels::workers;

/// A form that would cancel the order, or change its address.
const FORM: &str = "confirm=cancel&name=Eve&street1=1+Evil+St&city=Reno&region=NV&postcode=89501";

#[tokio::test]
async fn nobody_reaches_somebody_else_s_order() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let victim = accepted(&env, &gateway, "1").await;
    let own = accepted(&env, &gateway, "2").await;
    assert_ne!(victim, own);
    for mine in [page_of(&own), page_of(&victim)] {
        assert_eq!(gateway.send(Request::new("GET", mine)).await.status, 200, "both links work");
    }
    let attempts = attempts(&victim, &own);
    let mine = token(link::ORDER_PAGE, &own);
    assert!(attempts.len() >= 20);
    for method in ["GET", "POST", "PUT"] {
        for end in ["", "/cancel", "/address"] {
            // The same request under a link that nobody signed.
            let unknown = format!("/orders/00000000-0000-7000-8000-000000000000/{}{end}", "A".repeat(22));
            let unknown = gateway.send(Request::new(method, unknown).body(FORM)).await;
            for attempt in &attempts {
                let (path, query) =
                    attempt.split_once('?').map_or((&**attempt, ""), |(path, query)| (path, query));
                let path = format!("/orders/{path}{end}?{query}");
                let request = Request::new(method, &*path)
                    .with("x-http-method-override", "GET")
                    .with("x-original-url", page_of(&victim))
                    .with("x-rewrite-url", page_of(&victim))
                    .body(format!("{FORM}&_method=GET&order_id={victim}&token={mine}"));
                let answer = gateway.send(request).await;
                // The route and the method alone make the difference: a page without a form takes no form.
                assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
                assert_eq!(html(&answer), html(&unknown), "{method} {path}");
                for header in
                    ["content-type", "content-security-policy", "cache-control", "location", "set-cookie"]
                {
                    assert_eq!(answer.header(header), unknown.header(header), "{method} {path}: {header}");
                }
            }
        }
    }
    env.quiet().await;
    for order_id in [&victim, &own] {
        assert_eq!(env.count::<OrderCancelRequested>(order_id).await, 0);
        assert_eq!(env.count::<OrderAddressChangeRequested>(order_id).await, 0);
    }
    let good = token(link::ORDER_PAGE, &victim);
    // The token proves one page, no interface for programs, and nobody else's review.
    for path in [
        format!("/v1/orders/{victim}"),
        format!("/reviews/{victim}/{good}"),
        format!("/unsubscribe/{victim}/{good}"),
        format!("/labels/{victim}-1"),
    ] {
        let answer =
            gateway.send(Request::new("GET", &*path).with("authorization", format!("Bearer {good}"))).await;
        assert!([401, 404].contains(&answer.status), "{path}: {answer:?}");
    }
}

/// Returns ends of paths under `/orders/` by which the owner of one order tries to reach another's.
fn attempts(victim: &str, own: &str) -> Vec<String> {
    let good = token(link::ORDER_PAGE, victim);
    let mine = token(link::ORDER_PAGE, own);
    let flipped = |at: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let removed = link::sign(b"a-secret-that-was-removed-long-ago", link::ORDER_PAGE, victim);
    let swapped_case: String = good
        .chars()
        .map(|it| if it.is_ascii_lowercase() { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() })
        .collect();
    let next = format!("{}{}", &victim[..victim.len() - 1], if victim.ends_with('0') { '1' } else { '0' });
    vec![
        // Another order's id with a token of one's own, or the id of one's own with nothing that fits.
        format!("{victim}/{mine}"),
        format!("{own}/{good}"),
        format!("{next}/{good}"),
        // A token that was tampered with.
        format!("{victim}/{}", flipped(0)),
        format!("{victim}/{}", flipped(10)),
        format!("{victim}/{}", flipped(21)),
        format!("{victim}/{}", &good[..21]),
        format!("{victim}/{}", &good[..1]),
        format!("{victim}/{good}A"),
        format!("{victim}/{good}=="),
        format!("{victim}/{good}{mine}"),
        format!("{victim}/{swapped_case}"),
        format!("{victim}/{}", "A".repeat(22)),
        format!("{victim}/"),
        victim.to_owned(),
        // Tokens for other purposes, and of secrets that are gone.
        format!("{victim}/{}", token("review", victim)),
        format!("{victim}/{}", token("unsubscribe", victim)),
        format!("{victim}/{}", token("", &format!("order{victim}"))),
        format!("{victim}/{}", token("orde", &format!("r{victim}"))),
        format!("{victim}/{removed}"),
        // The id in other spellings.
        format!("{}/{mine}", victim.to_uppercase()),
        format!("{}/{good}", victim.to_uppercase()),
        format!("{}/{good}", victim.replace('-', "")),
        format!("%7B{victim}%7D/{good}"),
        format!("{victim}%20/{good}"),
        format!("{victim}%00/{good}"),
        format!("{}/{mine}", encoded(victim)),
        format!("{}/{good}", encoded(&encoded(victim))),
        format!("{victim}/{}", encoded(&encoded(&good))),
        // Ways around the path.
        format!("{own}%2F..%2F{victim}/{mine}"),
        format!("{own}/{mine}/../../{victim}/{mine}"),
        format!("{own}/{mine}%2F..%2F..%2F{victim}"),
        format!("{own},{victim}/{mine}"),
        format!("{victim}/{mine}?order_id={own}"),
        format!("{victim}/{mine}?order_id={own}&token={good}"),
        format!("{victim}/?token={good}"),
        format!("{victim}/{mine}%3Ftoken={good}"),
        format!("{victim};{own}/{mine}"),
        format!("/{victim}/{mine}"),
        format!("*/{mine}"),
        format!("{victim}'%20or%20'1'='1/{mine}"),
    ]
}

fn token(purpose: &str, order_id: &str) -> String {
    link::sign(LINK_SECRET.as_bytes(), purpose, order_id)
}

/// Percent-encodes every character.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}
