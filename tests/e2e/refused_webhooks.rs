//! A webhook that is refused says whose it was and why: in the log and in a metric.

use std::io::Write;

use crate::deployment::{Deployment, free_address};
use crate::until::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_webhook_is_a_line_and_a_count() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let shop = "[[gateway.shopify]]\nname = \"north\"\nsource = \"north.myshopify.com\"\nsecrets = [\"s\"]\n";
    file.write_all(shop.as_bytes()).unwrap();
    let health = free_address();
    let path = file.path().to_str().unwrap();
    let deployment = Deployment::new(&[("DESPATCH_CONFIG", path), ("DESPATCH_HEALTH_LISTEN", &health)]).await;
    let gateway = deployment.run(&["gateway"]);
    let url = until("the gateway listens", async || {
        let log = gateway.stderr();
        let line = log.lines().find(|line| line.contains("gateway listens"))?;
        Some(format!("http://{}/webhooks", line.split_once("address=")?.1))
    })
    .await;
    let client = reqwest::Client::new();
    let hook = |source: &'static str| {
        let request = client.post(format!("{url}/shopify")).header("x-shopify-shop-domain", source);
        request.header("x-shopify-hmac-sha256", "AAAA").body("{}").send()
    };
    assert_eq!(hook("north.myshopify.com").await.unwrap().status(), 401);
    assert_eq!(hook("east \"1\".myshopify.com").await.unwrap().status(), 401);
    let token = client.post(format!("{url}/shippo?token=guessed")).body("{}").send();
    assert_eq!(token.await.unwrap().status(), 401);

    for line in [
        r#"webhook refused channel="shopify" shop="north" reason="signature-wrong" status=401"#,
        r#"webhook refused channel="shopify" shop="unknown" reason="shop-unknown" status=401 detail="east \"1\".myshopify.com""#,
        r#"webhook refused channel="shippo" shop="unknown" reason="token-wrong" status=401"#,
    ] {
        until(line, async || gateway.stderr().contains(line).then_some(())).await;
    }
    let metrics = client.get(format!("http://{health}/metrics")).send().await.unwrap().text().await.unwrap();
    let counts: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("despatch_webhooks_refused_total{")).collect();
    assert_eq!(counts.len(), 3, "{counts:#?}");
    // Each metric says what it means.
    let typed: Vec<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(typed.contains(&"despatch_clock_offset_seconds"), "{typed:?}");
    for name in typed {
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name}");
    }
    assert!(!metrics.contains("east"), "no sender's text is a label");
    for labels in [
        r#"channel="shopify",reason="signature-wrong",shop="north""#,
        r#"channel="shopify",reason="shop-unknown",shop="unknown""#,
        r#"channel="shippo",reason="token-wrong",shop="unknown""#,
    ] {
        let count = counts.iter().find(|line| line.contains(labels));
        assert!(count.is_some_and(|line| line.ends_with(" 1")), "{labels} in {counts:#?}");
    }
    gateway.terminate();
    assert!(gateway.ended().await.status.success());
}
