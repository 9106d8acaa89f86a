//! Every order that came in, for commands: found by any of its names, listed, counted.

use std::collections::HashMap;

use despatch_contracts::order::Order;
use despatch_runtime::{Database, DbError, Settings};
use jiff::Timestamp;
use uuid::Uuid;

use crate::cases::{self, OrderCase, ReasonCases};
use crate::databases::Databases;
use crate::order_list::{BEFORE_DESPATCH, ListedOrder, OrderFilter, StateFilter};
use crate::orders::{self, Movements, StateCount, Step};
use crate::payments;
use crate::placed::{self, PlacedOrder};
use crate::schemas;

/// How many orders an ambiguous name may answer with.
const CANDIDATES: i64 = 10;

/// How few orders are looked at together.
const PAGE: i64 = 100;

/// Reads what commands show of orders. Unlike [`ReadModel`](crate::ReadModel) it needs an operator's rights.
pub struct OrderBook {
    gateway: Database,
    orders: Database,
    payments: Database,
    exceptions: Database,
}

/// How the shop does.
#[derive(Debug, Clone, PartialEq)]
pub struct ShopFigures {
    /// How many orders came in since an instant.
    pub placed: i64,
    /// The movements of orders since then.
    pub moved: Movements,
    /// The refunds since then, in minor units, by currency.
    pub refunded: Vec<(String, i64)>,
    /// The orders that are not at their end, by state.
    pub under_way: Vec<StateCount>,
    /// The unresolved cases by queue and reason.
    pub cases: Vec<ReasonCases>,
}

impl OrderBook {
    /// Prepares to read where these settings say that the workers write.
    pub fn new(settings: &Settings) -> Result<Self, DbError> {
        let mut databases = Databases::new(settings, |url| Database::new(url, 1));
        Ok(OrderBook {
            gateway: databases.of(schemas::GATEWAY)?,
            orders: databases.of(schemas::ORDERS)?,
            payments: databases.of(schemas::PAYMENTS)?,
            exceptions: databases.of(schemas::EXCEPTIONS)?,
        })
    }

    /// The orders that a person may mean: by its id or the beginning of one, by `SHOP/NUMBER`, or by the number alone.
    /// An exact name goes before the beginning of an id.
    pub async fn find(&self, name: &str) -> Result<Vec<PlacedOrder>, DbError> {
        let client = self.gateway.client().await?;
        if let Some((shop, shop_order_id)) = name.split_once('/')
            && let Some(order) = placed::by_natural_key(&**client, shop, shop_order_id).await?
        {
            return Ok(vec![order]);
        }
        if let Ok(id) = Uuid::try_parse(name) {
            return placed::by_ids(&**client, &[id]).await;
        }
        let numbered = placed::by_shop_order_id(&**client, name, CANDIDATES).await?;
        match ids_that_begin_with(name) {
            Some(range) if numbered.is_empty() => placed::by_id_range(&**client, range, CANDIDATES).await,
            _ => Ok(numbered),
        }
    }

    /// The orders with these ids.
    pub async fn by_ids(&self, ids: &[Uuid]) -> Result<Vec<PlacedOrder>, DbError> {
        placed::by_ids(&**self.gateway.client().await?, ids).await
    }

    /// Every shop that ever placed an order.
    pub async fn shops(&self) -> Result<Vec<String>, DbError> {
        placed::shops(&**self.gateway.client().await?).await
    }

    /// Returns the order as it was placed, and whether it was accepted; `None` when neither orders nor its journal has it.
    pub async fn contents(&self, order_id: &str) -> Result<Option<(Order, bool)>, DbError> {
        let client = self.orders.client().await?;
        if let Some(order) = orders::accepted(&**client, order_id).await? {
            return Ok(Some((order, true)));
        }
        Ok(orders::not_accepted(&**client, order_id).await?.map(|order| (order, false)))
    }

    /// Whether nobody waits for an order's payment any more; `None` unless it is one that was not paid.
    pub async fn is_given_up(&self, order_id: &str) -> Result<Option<bool>, DbError> {
        orders::is_given_up(&**self.orders.client().await?, order_id).await
    }

    /// An order's audit trail, oldest entry first.
    pub async fn timeline(&self, order_id: &str) -> Result<Vec<Step>, DbError> {
        orders::timeline(&**self.orders.client().await?, order_id).await
    }

    /// The cases about an order, resolved ones too, the oldest first.
    pub async fn cases(&self, order_id: &str) -> Result<Vec<OrderCase>, DbError> {
        cases::cases_of(&**self.exceptions.client().await?, &[order_id.to_owned()]).await
    }

    /// The database's time.
    pub async fn now(&self) -> Result<Timestamp, DbError> {
        orders::now(&**self.orders.client().await?).await
    }

    /// The orders that the filter lets through, the newest first: at most `limit`, those before `before`.
    pub async fn list(
        &self,
        filter: &OrderFilter,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<ListedOrder>, DbError> {
        let mut listed = Vec::new();
        let mut before = before.unwrap_or(Uuid::max());
        let page = i64::try_from(limit).unwrap_or(i64::MAX).clamp(1, PAGE);
        while listed.len() < limit {
            let candidates = self.candidates(filter, before, page).await?;
            let full = candidates.len() == usize::try_from(page).unwrap_or(usize::MAX);
            let Some(last) = candidates.last().and_then(|order| Uuid::try_parse(&order.order_id).ok()) else {
                break;
            };
            before = last;
            let described = self.describe(candidates).await?;
            listed.extend(described.into_iter().filter(|order| order.passes(filter)));
            if !full {
                break;
            }
        }
        listed.truncate(limit);
        Ok(listed)
    }

    /// The figures of the time since an instant.
    pub async fn figures(&self, since: Timestamp) -> Result<ShopFigures, DbError> {
        // Each connection goes back before the next is taken, because there may be only one.
        let orders = self.orders.client().await?;
        let (moved, under_way) =
            (orders::movements_since(&**orders, since).await?, orders::under_way(&**orders).await?);
        drop(orders);
        let placed = placed::count_since(&**self.gateway.client().await?, since).await?;
        let refunded = payments::refunded_since(&**self.payments.client().await?, since).await?;
        let cases = cases::unresolved(&**self.exceptions.client().await?).await?;
        Ok(ShopFigures { placed, moved, refunded, under_way, cases })
    }

    /// Returns the next orders that the filter may let through. The narrowest restriction decides which table is read.
    async fn candidates(
        &self,
        filter: &OrderFilter,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<PlacedOrder>, DbError> {
        let id = before.to_string();
        let idle = filter.idle.map_or(0.0, |idle| idle.as_secs_f64());
        let ids = if filter.stuck {
            cases::orders_with_cases(&**self.exceptions.client().await?, &id, limit).await?
        } else {
            let orders = self.orders.client().await?;
            match (filter.state, filter.idle) {
                (Some(StateFilter::Placed), _) => orders::ids_not_accepted(&**orders, &id, limit).await?,
                (Some(StateFilter::Is(state)), _) => {
                    orders::in_states(&**orders, &[state], idle, &id, limit).await?
                }
                (None, Some(_)) => orders::in_states(&**orders, &BEFORE_DESPATCH, idle, &id, limit).await?,
                (None, None) => {
                    drop(orders);
                    let gateway = self.gateway.client().await?;
                    return placed::before(&**gateway, before, filter.shop.as_deref(), limit).await;
                }
            }
        };
        let ids: Vec<Uuid> = ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
        let mut orders = self.by_ids(&ids).await?;
        orders.sort_by(|one, other| other.order_id.cmp(&one.order_id));
        Ok(orders)
    }

    /// Adds how far the orders are and what they wait for.
    async fn describe(&self, orders: Vec<PlacedOrder>) -> Result<Vec<ListedOrder>, DbError> {
        let ids: Vec<String> = orders.iter().map(|order| order.order_id.clone()).collect();
        let client = self.orders.client().await?;
        let (mut summaries, now) = (orders::summaries(&**client, &ids).await?, orders::now(&**client).await?);
        drop(client);
        let mut cases = HashMap::new();
        for case in cases::cases_of(&**self.exceptions.client().await?, &ids).await? {
            if case.is_open() {
                cases.entry(case.order_id.clone()).or_insert(case);
            }
        }
        let describe = |order: PlacedOrder| {
            let (summary, case) = (summaries.remove(&order.order_id), cases.remove(&order.order_id));
            ListedOrder::new(order, summary, case, now)
        };
        Ok(orders.into_iter().map(describe).collect())
    }
}

/// The first and the last id that begin with this text; `None` when it is not the beginning of one, or of too many.
fn ids_that_begin_with(text: &str) -> Option<(Uuid, Uuid)> {
    const DIGITS: usize = 32;
    // Fewer digits are rather a shop's number.
    const FEWEST: usize = 4;
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    if !(FEWEST..=DIGITS).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: char| {
        let rest = std::iter::repeat_n(with, DIGITS - digits.len());
        Uuid::try_parse(&digits.chars().chain(rest).collect::<String>()).ok()
    };
    let (first, last) = (filled('0')?, filled('f')?);
    // Where there are hyphens, they are an id's.
    let hyphenated = text.contains('-');
    (!hyphenated || first.to_string().starts_with(&text.to_lowercase())).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range_of_ids() {
        let range = ids_that_begin_with("01A2285e-d2").unwrap();
        assert_eq!(range.0.to_string(), "01a2285e-d200-0000-0000-000000000000");
        assert_eq!(range.1.to_string(), "01a2285e-d2ff-ffff-ffff-ffffffffffff");
        for number in ["100", "CA-2016-152156", "", "----", "01a2285e-d2b3-7204-b573-f6cd78ac654100"] {
            assert_eq!(ids_that_begin_with(number), None, "{number}");
        }
    }
}
