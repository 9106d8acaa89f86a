//! `/webhooks/shopify` and `/webhooks/woocommerce`: signed orders of shops, and how they are paid.
//!
//! A shop gets 200 for every committed webhook, even for an order that was placed before with other contents, because
//! it would only send that again. After a refusal a shop sends again later, and in the end informs its owner.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use despatch_contracts::order::{Order, PaymentReported};
use despatch_contracts::payment::RefundReported;
use despatch_contracts::{Emitted, Trace, tender};

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
use crate::sources::shopify_money::{self, Movement, ShopMoney};
use crate::sources::{shopify as shopify_order, woocommerce as woocommerce_order};

/// A channel: the headers of its webhooks, and the parser of its orders.
struct Channel {
    name: &'static str,
    source: &'static str,
    signature: &'static str,
    topic: &'static str,
    topics: &'static [(&'static str, Topic)],
    read: fn(&[u8], &str) -> Result<Order, Invalid>,
}

/// The subject of a webhook.
#[derive(Clone, Copy)]
enum Topic {
    /// An order, which is new.
    Created,
    /// An order, whose payment may have changed.
    Paid,
    /// Money that moved, of an order that it names by its id.
    Money(fn(&[u8]) -> Result<Vec<ShopMoney>, Invalid>),
}

const SHOPIFY: Channel = Channel {
    name: "shopify",
    source: "x-shopify-shop-domain",
    signature: "x-shopify-hmac-sha256",
    topic: "x-shopify-topic",
    topics: &[
        ("orders/create", Topic::Created),
        ("orders/paid", Topic::Paid),
        ("order_transactions/create", Topic::Money(shopify_money::transaction)),
        ("refunds/create", Topic::Money(shopify_money::refund)),
    ],
    read: shopify_order::read,
};

const WOOCOMMERCE: Channel = Channel {
    name: "woocommerce",
    source: "x-wc-webhook-source",
    signature: "x-wc-webhook-signature",
    topic: "x-wc-webhook-topic",
    topics: &[("order.created", Topic::Created), ("order.updated", Topic::Paid)],
    read: woocommerce_order::read,
};

/// How old an unknown order may be that is placed because its payment changed. An older one is from before the shop was
/// connected, and perhaps sent long ago.
const YOUNG: Duration = Duration::from_secs(24 * 3600);

/// Shopify's orders and payments
///
/// Topics: `orders/create`, `orders/paid`, `order_transactions/create`, `refunds/create`. A checkout leaves the PaymentIntent that it authorised as the note attribute `payment_intent`. The intent's metadata names
/// the order: `order_id`, `order_number`, `checkout_token` or `cart_token`.
#[utoipa::path(
    post,
    path = "/webhooks/shopify",
    operation_id = "shopifyOrderCreated",
    params(
        ("X-Shopify-Shop-Domain" = String, Header, description = "Which shop sends it."),
        ("X-Shopify-Hmac-Sha256" = String, Header, description = "Base64 of the HMAC-SHA256 of the body."),
        ("X-Shopify-Topic" = Option<String>, Header, nullable = false, description = "By default `orders/create`.",
            pattern = "^(orders/create|orders/paid|order_transactions/create|refunds/create)$")
    ),
    request_body(content = Object, description = "Shopify's Order, Transaction or Refund resource.",
        content_type = "application/json"),
    responses(
        (status = 200, description = "What it says is committed, or was before; without a body if it says nothing of an \
            order that is known.", body = Placed),
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
) -> Result<Response, ApiError> {
    SHOPIFY.receive(&gateway, &gateway.shopify, &headers, body, trace).await
}

/// WooCommerce's orders
///
/// Topics: `order.created`, and `order.updated`, of which the payment is followed.
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
        ("X-WC-Webhook-Topic" = Option<String>, Header, nullable = false, description = "By default `order.created`.",
            pattern = "^order\\.(created|updated)$")
    ),
    request_body(
        description = "WooCommerce's order; or the ping, a form with `webhook_id` alone.",
        content((Object = "application/json"), (Object = "application/x-www-form-urlencoded"))
    ),
    responses(
        (status = 200, description = "What it says is committed, or was before; without a body to the ping, and if it says \
            nothing of an order that is known.", body = Placed),
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
        let shop = shops.get(source);
        let followed = match body {
            Ok(Body(body)) => self.follow(gateway, shop, headers, body, trace).await,
            Err(error) => Err(error),
        };
        match followed {
            Ok(Some(placed)) => Ok(Json(placed).into_response()),
            Ok(None) => Ok(().into_response()),
            Err(error) => {
                refusals::note(self.name, shop.map(|shop| &*shop.name), source, &error);
                Err(error)
            }
        }
    }

    /// Returns what became of a webhook; `None` if it says nothing of an order that is known.
    async fn follow(
        &self,
        gateway: &Gateway,
        shop: Option<&KnownShop>,
        headers: &HeaderMap,
        body: Bytes,
        trace: Trace,
    ) -> Result<Option<Placed>, ApiError> {
        let shop = shop.ok_or(ApiError::Unauthorised(Credential::Shop))?;
        if !shop.signers.signed(&body, header(headers, self.signature)) {
            return Err(ApiError::Unauthorised(Credential::Signature));
        }
        gateway.limits.admit(&shop.name)?;
        match self.topic(headers)? {
            Topic::Created => {
                let order = (self.read)(&body, &shop.name)?;
                if is_given_up(&order) {
                    Ok(None)
                } else {
                    place(gateway, order, body, trace).await.map(Some)
                }
            }
            Topic::Paid => self.paid(gateway, (self.read)(&body, &shop.name)?, body, trace).await,
            Topic::Money(read) => {
                let mut noted = None;
                for money in read(&body)? {
                    noted = note_money(gateway, &shop.name, money, &trace).await?.or(noted);
                }
                Ok(noted)
            }
        }
    }

    fn topic(&self, headers: &HeaderMap) -> Result<Topic, ApiError> {
        let topic = header(headers, self.topic);
        if topic.is_empty() {
            return Ok(Topic::Created);
        }
        let known = self.topics.iter().find(|(name, _)| *name == topic);
        let topics = || self.topics.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        known.map(|(_, topic)| *topic).ok_or_else(|| {
            // Refused, because an update that is taken for a new order would look like one that was tampered with.
            let problem = format!("expected one of {}, found {topic}", topics());
            ApiError::TopicUnsupported(Invalid::new(self.topic, problem))
        })
    }

    /// Notes how an order is paid by now. Places it if it is unknown and young.
    async fn paid(
        &self,
        gateway: &Gateway,
        order: Order,
        body: Bytes,
        trace: Trace,
    ) -> Result<Option<Placed>, ApiError> {
        let tenders = order.tenders.clone();
        let order_id = match gateway.storage.order_id(&order.shop, &order.shop_order_id).await? {
            Some(order_id) => order_id,
            None if is_given_up(&order) || !is_young(&order, gateway.storage.now()) => return Ok(None),
            None => {
                let placed = place(gateway, order, body, trace.clone()).await?;
                if placed.outcome == Outcome::Placed {
                    return Ok(Some(placed));
                }
                // It was placed in between, perhaps before it was paid.
                placed.order_id
            }
        };
        let report = PaymentReported { order_id: order_id.to_string(), tenders, is_part: false };
        gateway.storage.submit(Submission::Event(Emitted::from(&report)), trace).await?;
        Ok(Some(Placed { order_id, outcome: Outcome::PaymentNoted }))
    }
}

/// Places an order.
async fn place(gateway: &Gateway, order: Order, body: Bytes, trace: Trace) -> Result<Placed, ApiError> {
    let new_order = gateway.storage.new_order(order, body)?;
    let (order_id, outcome) = match gateway.storage.submit(Submission::Order(new_order), trace).await? {
        Receipt::Placed(order_id) => (order_id, Outcome::Placed),
        Receipt::Same(order_id) => (order_id, Outcome::Same),
        Receipt::Changed(order_id) => (order_id, Outcome::Changed),
        Receipt::Noted => return Err(ApiError::Rejected),
    };
    Ok(Placed { order_id, outcome })
}

/// Notes money that moved in the shop; returns `None` if its order is unknown or it changes nothing.
async fn note_money(
    gateway: &Gateway,
    shop: &str,
    money: ShopMoney,
    trace: &Trace,
) -> Result<Option<Placed>, ApiError> {
    let Some(order_id) = gateway.storage.order_id(shop, &money.shop_order_id).await? else { return Ok(None) };
    let id = order_id.to_string();
    let event = match money.movement {
        Movement::Paid(tender) => {
            Emitted::from(&PaymentReported { order_id: id, tenders: vec![tender], is_part: true })
        }
        Movement::Refunded { provider, reference, minor, currency } => Emitted::from(&RefundReported {
            order_id: id,
            provider: provider.to_owned(),
            reference,
            amount_minor: minor,
            currency,
            refund_id: String::new(),
        }),
    };
    gateway.storage.submit(Submission::Event(event), trace.clone()).await?;
    Ok(Some(Placed { order_id, outcome: Outcome::PaymentNoted }))
}

/// Whether the shop gave the order up: its payment failed, or it was cancelled or only drafted.
fn is_given_up(order: &Order) -> bool {
    !order.tenders.is_empty() && !order.tenders.iter().any(tender::lives)
}

fn is_young(order: &Order, now: SystemTime) -> bool {
    let Some(placed_at) = order.placed_at.and_then(|at| SystemTime::try_from(at).ok()) else { return false };
    now.duration_since(placed_at).map_or(true, |age| age < YOUNG)
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
