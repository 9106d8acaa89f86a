//! Shared parts of the handlers' descriptions: the errors that several operations have in common, and the API key.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Object, OpenApi, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{Modify, ToResponse};

/// Adds the parts that operations refer to and no derive adds.
pub(crate) struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("A configured API key.".into());
        components.add_security_scheme("apiKey", SecurityScheme::Http(bearer));
        let seconds = HeaderBuilder::new()
            .description(Some("Seconds after which to send it again."))
            .schema(Some(Object::with_type(Type::Integer)));
        components.headers.insert("RetryAfter".into(), seconds.build().into());
    }
}

/// 400.
pub(crate) enum Invalid {}

impl<'r> ToResponse<'r> for Invalid {
    fn response() -> (&'r str, RefOr<Response>) {
        ("Invalid", error("The body does not have the right shape; `field` names where.").into())
    }
}

/// 401.
pub(crate) enum Unauthorised {}

impl<'r> ToResponse<'r> for Unauthorised {
    fn response() -> (&'r str, RefOr<Response>) {
        ("Unauthorised", error("The key, signature, shop or token is missing or wrong.").into())
    }
}

/// 404.
pub(crate) enum Unknown {}

impl<'r> ToResponse<'r> for Unknown {
    fn response() -> (&'r str, RefOr<Response>) {
        ("Unknown", error("There is no such thing.").into())
    }
}

/// 413.
pub(crate) enum TooLarge {}

impl<'r> ToResponse<'r> for TooLarge {
    fn response() -> (&'r str, RefOr<Response>) {
        ("TooLarge", error("The body is larger than allowed.").into())
    }
}

/// 429.
pub(crate) enum TooMany {}

impl<'r> ToResponse<'r> for TooMany {
    fn response() -> (&'r str, RefOr<Response>) {
        ("TooMany", temporary("The sender makes more requests than it may; send it again.").into())
    }
}

/// 503.
pub(crate) enum Unavailable {}

impl<'r> ToResponse<'r> for Unavailable {
    fn response() -> (&'r str, RefOr<Response>) {
        ("Unavailable", temporary("Nothing can be stored now; send it again.").into())
    }
}

/// 409 to a command about stock.
pub(crate) enum Conflict {}

impl<'r> ToResponse<'r> for Conflict {
    fn response() -> (&'r str, RefOr<Response>) {
        ("Conflict", error("A request with this id came before, with other contents.").into())
    }
}

/// 409 to a scan.
pub(crate) enum LabelNotRecorded {}

impl<'r> ToResponse<'r> for LabelNotRecorded {
    fn response() -> (&'r str, RefOr<Response>) {
        let description = "The label is for an order of ours but not recorded yet; send it again.";
        ("LabelNotRecorded", temporary(description).into())
    }
}

/// 404 to a customer.
pub(crate) enum LinkUnknown {}

impl<'r> ToResponse<'r> for LinkUnknown {
    fn response() -> (&'r str, RefOr<Response>) {
        (
            "LinkUnknown",
            page("The link is not one of ours, or no longer valid; the page says what to do.").into(),
        )
    }
}

/// 400 to a customer.
pub(crate) enum AnswerInvalid {}

impl<'r> ToResponse<'r> for AnswerInvalid {
    fn response() -> (&'r str, RefOr<Response>) {
        ("AnswerInvalid", page("The answer is not complete; the page says what to do.").into())
    }
}

/// 413 to a customer.
pub(crate) enum AnswerTooLarge {}

impl<'r> ToResponse<'r> for AnswerTooLarge {
    fn response() -> (&'r str, RefOr<Response>) {
        ("AnswerTooLarge", page("The answer is too long; the page says what to do.").into())
    }
}

/// 503 to a customer.
pub(crate) enum TryAgain {}

impl<'r> ToResponse<'r> for TryAgain {
    fn response() -> (&'r str, RefOr<Response>) {
        let page = page("Nothing can be stored now; the page asks to send it again.");
        ("TryAgain", page.into())
    }
}

/// A page for people.
fn page(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build();
    ResponseBuilder::new().description(description).content("text/html", body).build()
}

fn error(description: &str) -> Response {
    describe(description).build()
}

/// Returns the description of an error that goes away by itself.
fn temporary(description: &str) -> Response {
    describe(description).header_ref("Retry-After", Ref::new("#/components/headers/RetryAfter")).build()
}

fn describe(description: &str) -> ResponseBuilder {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    ResponseBuilder::new().description(description).content("application/json", body)
}
