//! `/webhooks/shopify` and `/webhooks/woocommerce`: what shops say of their orders, signed.
//!
//! A signed webhook is answered 200 once it is committed, even if nobody can read it, because a refusal would lose it. Shopify
//! sends a refused webhook again for four hours, and then deletes the subscription. WooCommerce sends nothing twice, and
//! switches a webhook off after five refusals in a row.

mod follow;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use despatch_contracts::Trace;

use super::orders::Placed;
use crate::auth::shop::{KnownShop, Shops};
use crate::http::description::{TooLarge, TooMany, Unauthorised, Unavailable};
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{Body, RequestTrace, header};
use crate::http::state::Gateway;
use crate::http::{ignored, refusals};
use crate::ingest::kept::KeptWebhook;
use crate::ingest::submission::Submission;
use crate::sources::webhook::{self, Platform, Said, Word};

/// A platform's webhooks: their headers.
struct Channel {
    platform: Platform,
    source: &'static str,
    signature: &'static str,
    topic: &'static str,
    /// Marks a notification that tries the webhook.
    test: &'static str,
}

const SHOPIFY: Channel = Channel {
    platform: Platform::Shopify,
    source: "x-shopify-shop-domain",
    signature: "x-shopify-hmac-sha256",
    topic: "x-shopify-topic",
    test: "x-shopify-test",
};

const WOOCOMMERCE: Channel = Channel {
    platform: Platform::Woocommerce,
    source: "x-wc-webhook-source",
    signature: "x-wc-webhook-signature",
    topic: "x-wc-webhook-topic",
    test: "x-wc-webhook-test",
};

/// Shopify's orders and payments
///
/// Topics: `orders/create`, `orders/updated`, `orders/paid`, `orders/edited`, `orders/cancelled`, `orders/delete`,
/// `order_transactions/create`, `refunds/create`, `app/uninstalled`, `customers/data_request`, `customers/redact` and
/// `shop/redact`. Any other topic is answered 200 and not followed. A signed body that cannot be read is answered 200 too, and
/// kept for a person.
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
        ("X-Shopify-Topic" = Option<String>, Header, nullable = false, description = "By default `orders/create`."),
        ("X-Shopify-Test" = Option<String>, Header, nullable = false,
            description = "`true` for a notification that tries the webhook. Only a test shop's is followed.")
    ),
    request_body(content = Object, description = "Shopify's Order, Transaction or Refund resource.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "What it says is committed, or was before; without a body if it says nothing of an \
            order that is known.", body = Placed),
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
) -> Result<Response, ApiError> {
    SHOPIFY.receive(&gateway, &gateway.shopify, &headers, body, trace).await
}

/// WooCommerce's orders
///
/// Topics: `order.created`, `order.updated`, `order.restored` and `order.deleted`. Any other topic is answered 200 and not
/// followed. A signed body that cannot be read is answered 200 too, and kept for a person.
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
        ("X-WC-Webhook-Topic" = Option<String>, Header, nullable = false, description = "By default `order.created`.")
    ),
    request_body(
        description = "WooCommerce's order; or the ping, a form with `webhook_id` alone.",
        content((Object = "application/json"), (Object = "application/x-www-form-urlencoded"))
    ),
    responses(
        (status = 200, description = "What it says is committed, or was before; without a body to the ping, and if it says \
            nothing of an order that is known.", body = Placed),
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
    WOOCOMMERCE.receive(&gateway, &gateway.woocommerce, &headers, body, trace).await
}

/// Returns whether the request is WooCommerce's ping. WooCommerce tries a new webhook with a form of one field, without
/// a signature or its name, and only a 200 activates the webhook.
fn is_ping(body: &[u8]) -> bool {
    let number = body.strip_prefix(b"webhook_id=");
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

impl Channel {
    /// Follows a webhook, or notes why it is refused.
    async fn receive(
        &self,
        gateway: &Gateway,
        shops: &Shops,
        headers: &HeaderMap,
        body: Result<Body, ApiError>,
        trace: Trace,
    ) -> Result<Response, ApiError> {
        let source = header(headers, self.source);
        let followed = match body {
            Ok(Body(body)) => self.follow(gateway, shops, headers, body, trace).await,
            Err(error) => Err(error),
        };
        match followed {
            Ok(Some(placed)) => Ok(Json(placed).into_response()),
            Ok(None) => Ok(().into_response()),
            Err(error) => {
                refusals::note(
                    self.platform.name(),
                    shops.named(source).map(|shop| &*shop.name),
                    source,
                    &error,
                );
                Err(error)
            }
        }
    }

    /// Returns what became of a webhook; `None` if it says nothing of an order that is known.
    async fn follow(
        &self,
        gateway: &Gateway,
        shops: &Shops,
        headers: &HeaderMap,
        body: Bytes,
        trace: Trace,
    ) -> Result<Option<Placed>, ApiError> {
        let source = header(headers, self.source);
        let Some(shop) = shops.signer(source, &body, header(headers, self.signature)) else {
            let is_known = shops.named(source).is_some();
            return Err(ApiError::Unauthorised(if is_known {
                Credential::Signature
            } else {
                Credential::Shop
            }));
        };
        gateway.limits.admit(&shop.name)?;
        let topic = header(headers, self.topic);
        if !shop.is_test && header(headers, self.test).eq_ignore_ascii_case("true") {
            ignored::note(self.platform.name(), &shop.name, topic);
            return Ok(None);
        }
        match webhook::read(self.platform, topic, &body, &shop.name, shop.is_test) {
            Ok(Word { said: Said::Nothing, .. }) => {
                ignored::note(self.platform.name(), &shop.name, topic);
                Ok(None)
            }
            Ok(Word { said: Said::Notice(_), .. }) => self.keep(gateway, shop, topic, body, trace).await,
            Ok(Word { said, refunds }) => {
                let is_money = matches!(&said, Said::Money(moved) if !moved.is_empty());
                match follow::follow(gateway, &shop.name, said, trace.clone()).await {
                    // No event can carry the order, so a person has to make a smaller one of it.
                    Err(ApiError::TooLarge { .. }) => self.keep(gateway, shop, topic, body, trace).await,
                    // It waits for its order.
                    Ok(None) if is_money => self.keep(gateway, shop, topic, body, trace).await,
                    Ok(placed) if !refunds.is_empty() => {
                        let refunds = Said::Money(refunds);
                        Ok(placed.or(follow::follow(gateway, &shop.name, refunds, trace).await?))
                    }
                    followed => followed,
                }
            }
            Err(invalid) => {
                let channel = self.platform.name();
                tracing::warn!(channel, shop = shop.name, field = invalid.field, "webhook unreadable");
                self.keep(gateway, shop, topic, body, trace).await
            }
        }
    }

    /// Keeps a webhook: for a person, or until its order comes.
    async fn keep(
        &self,
        gateway: &Gateway,
        shop: &KnownShop,
        topic: &str,
        body: Bytes,
        trace: Trace,
    ) -> Result<Option<Placed>, ApiError> {
        let kept =
            KeptWebhook::new(self.platform, (&shop.name, shop.is_test), topic, body, gateway.storage.now());
        gateway.storage.submit(Submission::Kept(kept), trace).await?;
        Ok(None)
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
