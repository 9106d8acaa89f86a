//! A shop's webhook: what its topic says of an order.

use std::time::{Duration, SystemTime};

use despatch_contracts::order::{Order, Tender, TenderState};
use despatch_contracts::tender;
use despatch_domain::Reason;
use serde::Deserialize;

use crate::sources::announced::Announced;
use crate::sources::fields::json::{self, Invalid, id, key, or_default, text};
use crate::sources::fields::placed_at;
use crate::sources::shopify_money::{self, ShopMoney};
use crate::sources::{shopify, woocommerce};

/// A platform of shops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Shopify,
    Woocommerce,
}

/// The content of a webhook, and the money that the shop gave back of the order so far.
#[derive(Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) said: Said,
    pub(crate) refunds: Vec<ShopMoney>,
}

impl From<Said> for Word {
    fn from(said: Said) -> Self {
        Word { said, refunds: Vec::new() }
    }
}

/// The content of a webhook.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// An order that is placed now.
    Created(Order),
    /// An order as it is by now.
    Updated {
        order: Order,
        /// The shop calls all of it done.
        is_done: bool,
    },
    /// The shop cancelled or deleted an order.
    Cancelled(Cancellation),
    /// Money that moved.
    Money(Vec<ShopMoney>),
    /// A person has to act.
    Notice(Reason),
    /// Nothing that despatch follows.
    Nothing,
}

/// A shop's cancellation of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cancellation {
    pub(crate) shop_order_id: String,
    /// When the shop last changed the order, if it says so.
    pub(crate) updated_at: Option<SystemTime>,
}

/// The subject of a topic.
#[derive(Clone, Copy)]
enum Topic {
    Created,
    Updated,
    /// An edit of an order. Its own shape names only what changed; the order itself comes as an update beside it.
    Edited,
    Cancelled,
    Money(fn(&[u8]) -> Result<Vec<ShopMoney>, Invalid>),
    Notice(Reason),
}

const SHOPIFY: &[(&str, Topic)] = &[
    ("orders/create", Topic::Created),
    ("orders/updated", Topic::Updated),
    ("orders/paid", Topic::Updated),
    ("orders/edited", Topic::Edited),
    ("orders/cancelled", Topic::Cancelled),
    ("orders/delete", Topic::Cancelled),
    ("order_transactions/create", Topic::Money(shopify_money::transaction)),
    ("refunds/create", Topic::Money(shopify_money::refund)),
    ("app/uninstalled", Topic::Notice(Reason::AppUninstalled)),
    ("customers/data_request", Topic::Notice(Reason::CustomerDataRequest)),
    ("customers/redact", Topic::Notice(Reason::CustomerRedact)),
    ("shop/redact", Topic::Notice(Reason::ShopRedact)),
];

const WOOCOMMERCE: &[(&str, Topic)] = &[
    ("order.created", Topic::Created),
    ("order.updated", Topic::Updated),
    ("order.restored", Topic::Updated),
    ("order.deleted", Topic::Cancelled),
];

/// The parts of an order that every topic about it has.
#[derive(Deserialize)]
struct Brief {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default, deserialize_with = "text")]
    updated_at: String,
    #[serde(default, deserialize_with = "text")]
    date_modified_gmt: String,
    #[serde(default, deserialize_with = "or_default")]
    test: bool,
}

/// The part of an edit that tells it from an order.
#[derive(Deserialize)]
struct Edit {
    order_edit: Option<serde::de::IgnoredAny>,
}

impl Platform {
    /// Returns the channel's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Platform::Shopify => shopify::CHANNEL,
            Platform::Woocommerce => woocommerce::CHANNEL,
        }
    }

    /// Returns the platform of a channel.
    pub(crate) fn of(channel: &str) -> Option<Platform> {
        [Platform::Shopify, Platform::Woocommerce].into_iter().find(|it| it.name() == channel)
    }

    fn topic(self, name: &str) -> Option<Topic> {
        let topics = match self {
            Platform::Shopify => SHOPIFY,
            Platform::Woocommerce => WOOCOMMERCE,
        };
        // A webhook that names no topic is one of orders.
        let name = if name.is_empty() { topics[0].0 } else { name };
        topics.iter().find(|(known, _)| *known == name).map(|(_, topic)| *topic)
    }

    fn read_order(self, body: &[u8], shop: &str) -> Result<Announced, Invalid> {
        match self {
            Platform::Shopify => shopify::read_announced(body, shop),
            Platform::Woocommerce => woocommerce::read_announced(body, shop),
        }
    }
}

/// Reads a webhook. `shop` is the shop's name in despatch. Orders that were made to try the shop say something only if it is
/// a test shop.
pub(crate) fn read(
    platform: Platform,
    topic: &str,
    body: &[u8],
    shop: &str,
    is_test_shop: bool,
) -> Result<Word, Invalid> {
    let Some(topic) = platform.topic(topic) else { return Ok(Said::Nothing.into()) };
    match topic {
        Topic::Edited if json::read::<Edit>(body)?.order_edit.is_some() => Ok(Said::Nothing.into()),
        Topic::Created | Topic::Updated | Topic::Edited => {
            let Announced { order, is_cancelled, is_done, refunds } = platform.read_order(body, shop)?;
            if order.is_test && !is_test_shop {
                return Ok(Said::Nothing.into());
            }
            let shop_order_id = order.shop_order_id.clone();
            let of_order = |movement| ShopMoney { shop_order_id: shop_order_id.clone(), movement };
            let refunds = refunds.into_iter().map(of_order).collect();
            let said = if is_cancelled {
                let updated_at = order.updated_at.and_then(|at| at.try_into().ok());
                Said::Cancelled(Cancellation { shop_order_id: order.shop_order_id, updated_at })
            } else if matches!(topic, Topic::Created) {
                Said::Created(order)
            } else {
                Said::Updated { order, is_done }
            };
            Ok(Word { said, refunds })
        }
        Topic::Cancelled => {
            let brief: Brief = json::read(body)?;
            if brief.test && !is_test_shop {
                return Ok(Said::Nothing.into());
            }
            Ok(Said::Cancelled(brief.cancellation()?).into())
        }
        Topic::Money(read) => read(body).map(|moved| Said::Money(moved).into()),
        Topic::Notice(reason) => Ok(Said::Notice(reason).into()),
    }
}

/// How old an unknown order may be that is placed because it changed, whatever its state. An older one may be from before the
/// shop was connected.
const YOUNG: Duration = Duration::from_secs(24 * 3600);

/// Whether the shop gave the order up: its payment failed, or it was only drafted.
pub(crate) fn is_given_up(order: &Order) -> bool {
    !order.tenders.is_empty() && !order.tenders.iter().any(tender::lives)
}

/// Whether an order that nobody knows is placed because the shop said at `at` that it changed. A young one is. The creation of
/// an older one was lost if it is paid and the shop has yet to send it.
pub(crate) fn may_be_placed(order: &Order, is_done: bool, at: SystemTime) -> bool {
    let is_paid = |it: &Tender| matches!(it.state(), TenderState::Authorised | TenderState::Captured);
    let mut living = order.tenders.iter().filter(|it| tender::lives(it)).peekable();
    let is_paid = living.peek().is_some() && living.all(is_paid);
    let is_open = is_paid && !is_done && order.our_lines().next().is_some();
    !is_given_up(order) && (is_young(order, at) || is_open)
}

fn is_young(order: &Order, at: SystemTime) -> bool {
    let Some(placed_at) = order.placed_at.and_then(|at| SystemTime::try_from(at).ok()) else { return false };
    at.duration_since(placed_at).map_or(true, |age| age < YOUNG)
}

impl Brief {
    fn cancellation(self) -> Result<Cancellation, Invalid> {
        let at = placed_at::note(&self.updated_at);
        let at =
            at.or_else(|| placed_at::note(&format!("{}Z", self.date_modified_gmt.trim_end_matches('Z'))));
        let shop_order_id = key(self.id, "id")?;
        Ok(Cancellation { shop_order_id, updated_at: at.and_then(|at| at.try_into().ok()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = include_str!("../../tests/cases/03a-shopify-order-to-be-cancelled.json");
    const CANCELLED: &str = include_str!("../../tests/cases/03b-shopify-orders-cancelled.json");
    const TEST: &str = include_str!("../../tests/cases/08a-shopify-test-notification.json");

    fn shopify(topic: &str, body: &str) -> Said {
        read(Platform::Shopify, topic, body.as_bytes(), "north", false).unwrap().said
    }

    fn woocommerce(topic: &str, body: &str) -> Said {
        read(Platform::Woocommerce, topic, body.as_bytes(), "south", false).unwrap().said
    }

    #[test]
    fn each_topic_of_orders_says_what_became_of_one() {
        for topic in ["", "orders/create"] {
            assert!(matches!(shopify(topic, ORDER), Said::Created(_)), "{topic}");
        }
        for topic in ["orders/updated", "orders/paid", "orders/edited"] {
            assert!(matches!(shopify(topic, ORDER), Said::Updated { .. }), "{topic}");
            assert!(matches!(shopify(topic, CANCELLED), Said::Cancelled(_)), "{topic}");
        }
        assert_eq!(shopify("orders/edited", r#"{"order_edit": {"order_id": 7}}"#), Said::Nothing);
        let woo = include_str!("../../tests/cases/09-woo-tax-rounding.json");
        assert!(matches!(woocommerce("order.restored", woo), Said::Updated { .. }));
        let cancelled = woo.replace(r#""status": "processing""#, r#""status": "cancelled""#);
        assert!(matches!(woocommerce("order.updated", &cancelled), Said::Cancelled(_)));
        assert!(matches!(woocommerce("order.created", &cancelled), Said::Cancelled(_)));
    }

    #[test]
    fn a_cancellation_needs_no_more_than_the_order_s_id() {
        let Said::Cancelled(cancelled) = shopify("orders/cancelled", CANCELLED) else { panic!("cancelled") };
        assert_eq!(cancelled.shop_order_id, "6200000004102");
        assert!(cancelled.updated_at.is_some());
        for said in [shopify("orders/delete", r#"{"id": 7}"#), woocommerce("order.deleted", r#"{"id": 7}"#)] {
            assert_eq!(said, Said::Cancelled(Cancellation { shop_order_id: "7".into(), updated_at: None }));
        }
        let said = woocommerce("order.deleted", r#"{"id": 7, "date_modified_gmt": "2026-03-01T10:00:00"}"#);
        assert!(matches!(said, Said::Cancelled(Cancellation { updated_at: Some(_), .. })));
        let unread = read(Platform::Shopify, "orders/delete", b"{}", "north", false).unwrap_err();
        assert_eq!(unread.field, "id");
    }

    #[test]
    fn an_order_that_tries_the_shop_says_nothing_except_to_a_test_shop() {
        for topic in ["orders/create", "orders/updated", "orders/cancelled"] {
            assert_eq!(shopify(topic, TEST), Said::Nothing, "{topic}");
            let said = read(Platform::Shopify, topic, TEST.as_bytes(), "north", true).unwrap().said;
            assert!(matches!(said, Said::Cancelled(_)), "Shopify's sample is a cancelled order");
        }
    }

    #[test]
    fn a_person_is_told_of_privacy_and_the_rest_says_nothing() {
        for (topic, reason) in [
            ("app/uninstalled", Reason::AppUninstalled),
            ("customers/data_request", Reason::CustomerDataRequest),
            ("customers/redact", Reason::CustomerRedact),
            ("shop/redact", Reason::ShopRedact),
        ] {
            assert_eq!(shopify(topic, "{}"), Said::Notice(reason));
        }
        for topic in ["products/update", "orders/fulfilled", "Orders/Create"] {
            assert_eq!(shopify(topic, "not even JSON"), Said::Nothing, "{topic}");
        }
        assert_eq!(woocommerce("coupon.created", "[]"), Said::Nothing);
    }
}
