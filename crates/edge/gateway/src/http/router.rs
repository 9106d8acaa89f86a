//! Everything that is served, in one list; `openapi.json` describes the same.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};

use super::extract;
use super::routes::{carrier, labels, orders, probes, reviews, shops, unsubscribe};
use crate::http::error::ApiError;
use crate::http::state::Gateway;

/// The OpenAPI 3.1 document of the list below. Written by hand; a test holds the two together.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// Every path and what answers it.
pub(crate) fn all() -> Vec<(&'static str, MethodRouter<Gateway>)> {
    vec![
        ("/v1/orders", post(orders::place)),
        ("/v1/orders/{order_id}", get(orders::show)),
        ("/v1/orders/{order_id}/cancel", post(orders::cancel)),
        ("/webhooks/shopify", post(shops::shopify)),
        ("/webhooks/woocommerce", post(shops::woocommerce)),
        ("/webhooks/shippo", post(carrier::shippo)),
        ("/labels/{label}", get(labels::show)),
        ("/reviews/{order_id}/{token}", get(reviews::ask).post(reviews::receive)),
        ("/unsubscribe/{order_id}/{token}", get(unsubscribe::ask).post(unsubscribe::receive)),
        ("/healthz", get(probes::alive)),
        ("/readyz", get(probes::ready)),
        ("/openapi.json", get(openapi)),
    ]
}

/// The list as a service.
pub(crate) fn router(gateway: Gateway) -> Router {
    let router = all().into_iter().fold(Router::new(), |router, (path, answers)| router.route(path, answers));
    router
        .fallback(async || ApiError::RouteUnknown)
        .method_not_allowed_fallback(async || ApiError::MethodUnknown)
        .layer(middleware::from_fn(extract::trace_request))
        .layer(DefaultBodyLimit::max(gateway.body_limit))
        .with_state(gateway)
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

#[cfg(test)]
mod tests;
