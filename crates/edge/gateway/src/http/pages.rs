//! The pages for customers, who come from a link in a mail. They bear the shop's name.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use minijinja::{Environment, UndefinedBehavior, context};

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

/// All pages of a shop, rendered.
pub(crate) struct Pages([Bytes; TEMPLATES.len()]);

impl Pages {
    pub(crate) fn new(shop: &str) -> Self {
        Pages(TEMPLATES.map(|(_, template)| {
            render(template, shop).expect("the templates are the program's own, and tests render them").into()
        }))
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

    /// Returns a page that neither runs nor loads anything. Its address, which holds a token, is not passed on.
    fn response(&self, status: StatusCode, page: Page) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, self.0[page as usize].clone()).into_response()
    }
}

fn render(template: &str, shop: &str) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("layout.html", LAYOUT)?;
    // The ending of the name turns on escaping.
    environment.render_named_str("page.html", template, context! { shop })
}

/// Returns the page that tells a customer what to do about an error.
fn page_for(error: &ApiError) -> Page {
    match error {
        ApiError::Invalid(_) | ApiError::TopicUnsupported(_) | ApiError::TooLarge { .. } => {
            Page::AnswerInvalid
        }
        ApiError::Unauthorised(_)
        | ApiError::LinkUnknown
        | ApiError::RouteUnknown
        | ApiError::MethodUnknown
        | ApiError::OrderUnknown
        | ApiError::LabelUnknown
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
            let html = render(template, "Quay & <Street>").unwrap();
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
