//! All routes in one list, from which the API's description is made too.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::description::{
    AnswerInvalid, AnswerTooLarge, Conflict, Invalid, LabelNotRecorded, LinkUnknown, Shared, TooLarge,
    TooMany, TryAgain, Unauthorised, Unavailable, Unknown,
};
use super::error::{ApiError, ErrorBody};
use super::extract;
use super::pages;
use super::routes::collected::Collected;
use super::routes::orders::{Cancel, RefundJson};
use super::routes::stock_requests::StockRequested;
use super::routes::{
    carrier, collected, customer_order, deliveries, items, labels, locations, orders, probes, reviews, shops,
    stock, stock_requests, stripe, unsubscribe,
};
use super::state::Gateway;
use crate::sources::stock_json::{
    AdjustmentsJson, ArrivalJson, CountsJson, DeliveryEndJson, DeliveryJson, ItemsJson, LocationJson,
    ReceiptJson, TransferJson,
};

/// The description without its operations, which the handlers add.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "despatch gateway",
        version = "1",
        description = "Orders, webhooks and answers in; order status and labels out. Whatever is answered with 2xx is \
            committed. Anything may be sent again: the same order is the same order."
    ),
    components(
        schemas(
            AdjustmentsJson, ArrivalJson, Cancel, Collected, CountsJson, DeliveryEndJson, DeliveryJson, ErrorBody, ItemsJson, LocationJson,
            ReceiptJson, RefundJson, StockRequested, TransferJson
        ),
        responses(
            AnswerInvalid, AnswerTooLarge, Conflict, Invalid, LabelNotRecorded, LinkUnknown, TooLarge, TooMany, TryAgain,
            Unauthorised, Unavailable, Unknown
        )
    ),
    modifiers(&Shared)
)]
struct Description;

/// The served description.
static DOCUMENT: LazyLock<String> = LazyLock::new(document);

/// Returns every route with its handlers, and their description. A handler's `utoipa::path` defines its route.
pub(crate) fn served() -> (Router<Gateway>, OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(orders::place))
        .routes(routes!(orders::show))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::refund))
        .routes(routes!(collected::collected))
        .routes(routes!(stock_requests::receive))
        .routes(routes!(stock_requests::adjust))
        .routes(routes!(stock_requests::count))
        .routes(routes!(stock_requests::transfer))
        .routes(routes!(stock_requests::arrive))
        .routes(routes!(stock_requests::show))
        .routes(routes!(deliveries::announce, deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::close))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(stock::list))
        .routes(routes!(stock::show))
        .routes(routes!(stock::explain))
        .routes(routes!(items::set, items::list))
        .routes(routes!(locations::set))
        .routes(routes!(locations::list))
        .routes(routes!(shops::shopify))
        .routes(routes!(shops::woocommerce))
        .routes(routes!(stripe::stripe))
        .routes(routes!(carrier::shippo))
        .routes(routes!(labels::show))
        .routes(routes!(reviews::ask, reviews::receive))
        .routes(routes!(unsubscribe::ask, unsubscribe::receive))
        .routes(routes!(customer_order::show))
        .routes(routes!(customer_order::ask_to_cancel, customer_order::cancel))
        .routes(routes!(customer_order::ask_for_address, customer_order::change_address))
        .routes(routes!(probes::alive))
        .routes(routes!(probes::ready))
        .routes(routes!(openapi))
        .split_for_parts()
}

/// Returns the description as text.
fn document() -> String {
    let mut text = served().1.to_pretty_json().expect("its keys are text and its numbers finite");
    text.push('\n');
    text
}

/// Returns the routes as a service.
pub(crate) fn router(gateway: Gateway) -> Router {
    let (router, _) = served();
    router
        .fallback(async || ApiError::RouteUnknown)
        .method_not_allowed_fallback(async || ApiError::MethodUnknown)
        .layer(middleware::from_fn_with_state(gateway.clone(), pages::explain_errors::<Gateway>))
        .layer(middleware::from_fn(extract::trace_request))
        .layer(DefaultBodyLimit::max(gateway.body_limit))
        .with_state(gateway)
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

#[cfg(test)]
mod tests;
