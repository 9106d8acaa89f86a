//! An order's page on a phone, as its customer uses it.

use despatch_contracts::order::{OrderCancelRequested, OrderChanged};
use despatch_testkit::TestEnv;

use crate::browser::{Browser, WIDTH};
use crate::fixture::TestGateway;
use crate::order_page::{accepted, page_of};
use crate::parcels::workers;

/// The contrast of each text with its background, as WCAG 2.2 computes it; the least of a page.
const LEAST_CONTRAST: &str = r"(() => {
    const light = colour => {
        const parts = colour.match(/[\d.]+/g).slice(0, 3).map(it => it / 255)
            .map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const behind = element => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === 'rgba(0, 0, 0, 0)' && element.parentElement ? behind(element.parentElement) : colour;
    };
    const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const texts = [...document.querySelectorAll('body *')].filter(it => it.innerText);
    return Math.min(...texts.map(it => ratio(light(getComputedStyle(it).color), light(behind(it)))));
})()";

/// Fields without a label, and buttons and links to press that are lower than a finger.
const HARD_TO_USE: &str = r"[
    ...[...document.querySelectorAll('input')].filter(it => !it.labels.length),
    ...[...document.querySelectorAll('button, .button')].filter(it => it.getBoundingClientRect().height < 44),
].map(it => it.outerHTML)";

/// Fails if a page is hard to read on a phone, or loads anything.
async fn is_readable(browser: &Browser, page: &str) {
    let width = browser.value("document.documentElement.scrollWidth").await.as_u64().unwrap();
    assert!(width <= u64::from(WIDTH), "{page}: {width} pixels wide");
    assert_eq!(browser.value("document.documentElement.lang").await, "en", "{page}");
    assert_eq!(browser.value("document.querySelectorAll('h1').length").await, 1, "{page}");
    let contrast = browser.value(LEAST_CONTRAST).await.as_f64().unwrap();
    assert!(contrast >= 4.5, "{page}: {contrast}");
    assert_eq!(browser.value(HARD_TO_USE).await, serde_json::json!([]), "{page}");
    let size = browser.value("parseFloat(getComputedStyle(document.body).fontSize)").await.as_f64().unwrap();
    assert!(size >= 16.0, "{page}: {size}");
    let loaded = browser.value("performance.getEntriesByType('resource').map(it => it.name)").await;
    let loaded: Vec<String> = serde_json::from_value(loaded).unwrap();
    assert!(loaded.iter().all(|name| name.ends_with("/favicon.ico")), "{page}: {loaded:?}");
    assert_eq!(browser.value("document.scripts.length").await, 0, "{page}");
}

#[tokio::test]
async fn a_customer_moves_and_cancels_an_order_on_a_phone() {
    let Some(browser) = Browser::open().await else { return };
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = accepted(&env, &gateway, "1").await;
    browser.go_to(&format!("{}{}", gateway.url(), page_of(&order_id))).await;
    browser.shows(&["We have your order", "2 × Bookcase", "19.00 USD", "1 Main St"]).await;
    is_readable(&browser, "the order").await;
    // The keyboard leads to the first thing to press, and it shows.
    browser.press("\u{E004}").await;
    assert_eq!(browser.value("document.activeElement.textContent").await, "Change the address");
    assert_eq!(browser.value("getComputedStyle(document.activeElement).outlineStyle").await, "solid");

    browser.click("a[href$='/address']").await;
    browser.shows(&["Street and number"]).await;
    is_readable(&browser, "the form").await;
    // The browser keeps what is empty, and the page tells what is blank.
    browser.fill_in("#street1", "").await;
    browser.click("button").await;
    assert_eq!(browser.value("document.querySelectorAll('input:invalid').length").await, 1);
    browser.fill_in("#street1", "   ").await;
    browser.click("button").await;
    browser.shows(&["1 of the fields below needs another look", "Please fill this in."]).await;
    assert_eq!(browser.value("document.querySelector('[aria-invalid=true]').id").await, "street1");
    is_readable(&browser, "the form with an error").await;
    browser.fill_in("#street1", "9 Ümlaut Straße <b>").await;
    browser.click("button").await;
    browser.shows(&["The address is changed. We send the order there.", "9 Ümlaut Straße <b>"]).await;
    let changed: OrderChanged = env.expect(&order_id).await;
    assert_eq!(changed.order.unwrap().ship_to.unwrap().street1, "9 Ümlaut Straße <b>");

    browser.click("a[href$='/cancel']").await;
    browser.shows(&["Cancel your order?"]).await;
    is_readable(&browser, "the question").await;
    browser.click("a.button").await;
    browser.shows(&["We have your order"]).await;
    browser.click("a[href$='/cancel']").await;
    browser.shows(&["Cancel your order?"]).await;
    browser.click("button").await;
    browser.shows(&["Your order is cancelled."]).await;
    assert!(browser.url().await.contains("?asked=cancel"), "{}", browser.url().await);
    is_readable(&browser, "the cancelled order").await;
    browser.reload().await;
    let again = browser.shows(&["Your order is cancelled."]).await;
    assert!(!again.contains("Change your order"), "{again}");
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelRequested>(&order_id).await, 1, "a reload asks for nothing");

    // A link that was cut says what to do.
    browser.go_to(&format!("{}{}", gateway.url(), &page_of(&order_id)[..50])).await;
    browser.shows(&["reply to our mail"]).await;
    is_readable(&browser, "the unknown link").await;
    browser.close().await;
}
