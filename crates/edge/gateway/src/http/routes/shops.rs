//! `/webhooks/shopify` and `/webhooks/woocommerce`: signed orders of shops.
//!
//! A shop gets 200 for every committed webhook, even for an order that was placed before with other contents, because
//! it would only send that again. After a refusal a shop sends again later, and in the end informs its owner.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use despatch_contracts::Trace;
use despatch_contracts::order::Order;

use super::orders::{Outcome, Placed};
use crate::auth::shop::{KnownShop, Shops};
use crate::http::description::{Invalid as InvalidBody, TooLarge, TooMany, Unauthorised, Unavailable};
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{Body, RequestTrace, header};
use crate::http::refusals;
use crate::http::state::Gateway;
use crate::ingest::queue::Receipt;
use crate::ingest::submission::Submission;
use crate::sources::fields::json::Invalid;
use crate::sources::{shopify as shopify_order, woocommerce as woocommerce_order};

/// A channel: the headers of its webhooks, and the parser of its orders.
struct Channel {
    name: &'static str,
    source: &'static str,
    signature: &'static str,
    topic: &'static str,
    /// The only topic of new orders.
    orders_created: &'static str,
    read: fn(&[u8], &str) -> Result<Order, Invalid>,
}

const SHOPIFY: Channel = Channel {
    name: "shopify",
    source: "x-shopify-shop-domain",
    signature: "x-shopify-hmac-sha256",
    topic: "x-shopify-topic",
    orders_created: "orders/create",
    read: shopify_order::read,
};

const WOOCOMMERCE: Channel = Channel {
    name: "woocommerce",
    source: "x-wc-webhook-source",
    signature: "x-wc-webhook-signature",
    topic: "x-wc-webhook-topic",
    orders_created: "order.created",
    read: woocommerce_order::read,
};

/// Shopify's orders/create
///
/// A checkout leaves the PaymentIntent that it authorised as the note attribute `payment_intent`. The intent's metadata names
/// the order: `order_id`, `order_number`, `checkout_token` or `cart_token`.
#[utoipa::path(
    post,
    path = "/webhooks/shopify",
    operation_id = "shopifyOrderCreated",
    params(
        ("X-Shopify-Shop-Domain" = String, Header, description = "Which shop sends it."),
        ("X-Shopify-Hmac-Sha256" = String, Header, description = "Base64 of the HMAC-SHA256 of the body."),
        ("X-Shopify-Topic" = Option<String>, Header, nullable = false, description = "`orders/create` where it is sent.",
            pattern = "^orders/create$")
    ),
    request_body(content = Object, description = "Shopify's Order resource.", content_type = "application/json"),
    responses(
        (status = 200, description = "The order is committed, or was before.", body = Placed),
        (status = 400, response = InvalidBody),
        (status = 401, response = Unauthorised),
        (status = 413, response = TooLarge),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn shopify(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Json<Placed>, ApiError> {
    SHOPIFY.receive(&gateway, &gateway.shopify, &headers, body, trace).await
}

/// WooCommerce's order.created
///
/// A checkout leaves the PaymentIntent that it authorised as the meta datum `payment_intent` or `_stripe_intent_id`.
#[utoipa::path(
    post,
    path = "/webhooks/woocommerce",
    operation_id = "woocommerceOrderCreated",
    params(
        ("X-WC-Webhook-Source" = Option<String>, Header, nullable = false,
            description = "Which shop sends it. Missing on the ping that tries a new webhook."),
        ("X-WC-Webhook-Signature" = Option<String>, Header, nullable = false,
            description = "Base64 of the HMAC-SHA256 of the body. Missing on the ping."),
        ("X-WC-Webhook-Topic" = Option<String>, Header, nullable = false, description = "`order.created` where it is sent.",
            pattern = "^order\\.created$")
    ),
    request_body(
        description = "WooCommerce's order; or the ping, a form with `webhook_id` alone.",
        content((Object = "application/json"), (Object = "application/x-www-form-urlencoded"))
    ),
    responses(
        (status = 200, description = "The order is committed, or was before; or the ping is answered, without a body.",
            body = Placed),
        (status = 400, response = InvalidBody),
        (status = 401, response = Unauthorised),
        (status = 413, response = TooLarge),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn woocommerce(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    if body.as_ref().is_ok_and(|Body(body)| is_ping(body)) {
        return Ok(().into_response());
    }
    let placed = WOOCOMMERCE.receive(&gateway, &gateway.woocommerce, &headers, body, trace).await;
    placed.map(IntoResponse::into_response)
}

/// Returns whether the request is WooCommerce's ping. WooCommerce tries a new webhook with a form of one field, without
/// a signature or its name, and only a 200 activates the webhook.
fn is_ping(body: &[u8]) -> bool {
    let number = body.strip_prefix(b"webhook_id=");
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

impl Channel {
    /// Places the order of a webhook, or notes why it is refused.
    async fn receive(
        &self,
        gateway: &Gateway,
        shops: &Shops,
        headers: &HeaderMap,
        body: Result<Body, ApiError>,
        trace: Trace,
    ) -> Result<Json<Placed>, ApiError> {
        let source = header(headers, self.source);
        let shop = shops.get(source);
        let placed = match body {
            Ok(Body(body)) => self.place(gateway, shop, headers, body, trace).await,
            Err(error) => Err(error),
        };
        placed.inspect_err(|error| refusals::note(self.name, shop.map(|shop| &*shop.name), source, error))
    }

    async fn place(
        &self,
        gateway: &Gateway,
        shop: Option<&KnownShop>,
        headers: &HeaderMap,
        body: Bytes,
        trace: Trace,
    ) -> Result<Json<Placed>, ApiError> {
        let shop = shop.ok_or(ApiError::Unauthorised(Credential::Shop))?;
        if !shop.signers.signed(&body, header(headers, self.signature)) {
            return Err(ApiError::Unauthorised(Credential::Signature));
        }
        gateway.limits.admit(&shop.name)?;
        let topic = header(headers, self.topic);
        if !topic.is_empty() && topic != self.orders_created {
            // Refused, because an update that is taken for a new order would look like one that was tampered with.
            let problem = format!("expected {}, found {topic}", self.orders_created);
            return Err(ApiError::TopicUnsupported(Invalid::new(self.topic, problem)));
        }
        let order = (self.read)(&body, &shop.name)?;
        let new_order = gateway.storage.new_order(order, body)?;
        let (order_id, outcome) = match gateway.storage.submit(Submission::Order(new_order), trace).await? {
            Receipt::Placed(order_id) => (order_id, Outcome::Placed),
            Receipt::Same(order_id) => (order_id, Outcome::Same),
            Receipt::Changed(order_id) => (order_id, Outcome::Changed),
            Receipt::Noted => return Err(ApiError::Rejected),
        };
        Ok(Json(Placed { order_id, outcome }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_woocommerce_s_ping_is_a_ping() {
        assert!(is_ping(b"webhook_id=7"));
        for other in [&b""[..], b"webhook_id=", b"webhook_id=7&x=1", b"{}", b"webhook_id=7 "] {
            assert!(!is_ping(other));
        }
    }
}
