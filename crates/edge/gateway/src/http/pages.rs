//! The pages for customers, who come from a link in a mail. They bear the shop's name.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// The paths for programs, which get errors in JSON. All other paths are for people with a browser.
const API: [&str; 6] = ["/v1", "/labels", "/webhooks", "/openapi.json", "/healthz", "/readyz"];

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Review,
    Thanks,
    Unsubscribe,
    Unsubscribed,
    LinkUnknown,
    AnswerInvalid,
    Unavailable,
}

const LAYOUT: &str = include_str!("templates/layout.html");

/// Every page with its template, in the order of the enum.
const TEMPLATES: [(Page, &str); 7] = [
    (Page::Review, include_str!("templates/review.html")),
    (Page::Thanks, include_str!("templates/thanks.html")),
    (Page::Unsubscribe, include_str!("templates/unsubscribe.html")),
    (Page::Unsubscribed, include_str!("templates/unsubscribed.html")),
    (Page::LinkUnknown, include_str!("templates/link-unknown.html")),
    (Page::AnswerInvalid, include_str!("templates/answer-invalid.html")),
    (Page::Unavailable, include_str!("templates/unavailable.html")),
];

/// A page about one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderPage {
    Order,
    Cancel,
    Address,
}

impl OrderPage {
    fn template(self) -> &'static str {
        match self {
            OrderPage::Order => include_str!("templates/order.html"),
            OrderPage::Cancel => include_str!("templates/order-cancel.html"),
            OrderPage::Address => include_str!("templates/order-address.html"),
        }
    }
}

/// All pages of a shop. Those that are the same for everybody are rendered.
pub(crate) struct Pages {
    shop: String,
    fixed: [Bytes; TEMPLATES.len()],
    policy: String,
}

impl Pages {
    pub(crate) fn new(shop: &str) -> Self {
        let fixed = TEMPLATES.map(|(_, template)| {
            let page = render(template, shop, ());
            page.expect("the templates are the program's own, and tests render them").into()
        });
        Pages { shop: shop.to_owned(), fixed, policy: policy() }
    }

    /// Returns a page about an order.
    pub(crate) fn order(&self, status: StatusCode, page: OrderPage, view: impl Serialize) -> Response {
        match render(page.template(), &self.shop, view) {
            Ok(html) => self.html(status, html.into()),
            Err(error) => {
                tracing::error!(%error, "page not rendered");
                ApiError::Rejected.into_response()
            }
        }
    }

    /// Returns the requested page.
    pub(crate) fn show(&self, page: Page) -> Response {
        self.response(StatusCode::OK, page)
    }

    /// Returns the page that explains an error to a customer.
    fn explain(&self, error: &ApiError) -> Response {
        let mut response = self.response(error.status(), page_for(error));
        response.headers_mut().extend(error.header());
        response
    }

    fn response(&self, status: StatusCode, page: Page) -> Response {
        self.html(status, self.fixed[page as usize].clone())
    }

    /// Returns a page that neither runs nor loads anything, and is in no other site's frame. Its address, which holds a
    /// token, is not passed on, and nobody keeps or lists the page.
    fn html(&self, status: StatusCode, html: Bytes) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, &*self.policy),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        ];
        (status, headers, html).into_response()
    }
}

/// Returns the content security policy: the layout's own style sheet, forms to this site, and nothing else.
fn policy() -> String {
    let style = LAYOUT.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

fn render(template: &str, shop: &str, view: impl Serialize) -> Result<String, minijinja::Error> {
    #[derive(Serialize)]
    struct Values<'a, V> {
        shop: &'a str,
        #[serde(flatten)]
        view: V,
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("layout.html", LAYOUT)?;
    // The ending of the name turns on escaping.
    environment.render_named_str("page.html", template, Serde(Values { shop, view }))
}

/// Returns the page that tells a customer what to do about an error.
fn page_for(error: &ApiError) -> Page {
    match error {
        ApiError::Invalid(_) | ApiError::TooLarge { .. } => Page::AnswerInvalid,
        ApiError::Unauthorised(_)
        | ApiError::LinkUnknown
        | ApiError::RouteUnknown
        | ApiError::MethodUnknown
        | ApiError::OrderUnknown
        | ApiError::LabelUnknown
        | ApiError::StockRequestUnknown
        | ApiError::SkuUnknown
        | ApiError::DeliveryUnknown
        | ApiError::StockRequestChanged
        | ApiError::OrderChanged { .. }
        | ApiError::LabelNotRecorded => Page::LinkUnknown,
        ApiError::BodyIncomplete
        | ApiError::TooMany { .. }
        | ApiError::Unavailable { .. }
        | ApiError::Unpublished { .. }
        | ApiError::Rejected => Page::Unavailable,
    }
}

/// Replaces an error's JSON by a page for people.
pub(crate) async fn explain_errors<P: AsRef<Pages>>(
    State(pages): State<P>,
    request: Request,
    next: Next,
) -> Response {
    let for_a_person = !is_api(request.uri().path());
    let response = next.run(request).await;
    match response.extensions().get::<ApiError>() {
        Some(error) if for_a_person => pages.as_ref().explain(error),
        _ => response,
    }
}

fn is_api(path: &str) -> bool {
    API.iter()
        .any(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_shop_s_name() {
        for (at, (page, template)) in TEMPLATES.into_iter().enumerate() {
            assert_eq!(page as usize, at);
            let html = render(template, "Quay & <Street>", ()).unwrap();
            assert!(html.starts_with("<!doctype html>"), "{html}");
            assert!(html.contains("<footer>Quay &amp; &lt;Street&gt;</footer>"), "{html}");
            assert!(!html.contains("<h1></h1>") && !html.contains("<Street>"), "{html}");
        }
    }

    #[test]
    fn only_what_programs_ask_for_is_the_api() {
        for path in ["/v1/orders", "/v1", "/webhooks/other", "/labels/1", "/openapi.json", "/healthz"] {
            assert!(is_api(path), "{path}");
        }
        for path in ["/", "/reviews", "/reviews/o-1", "/review", "/v10", "/healthz2", "/reviews/v1/orders"] {
            assert!(!is_api(path), "{path}");
        }
    }
}
