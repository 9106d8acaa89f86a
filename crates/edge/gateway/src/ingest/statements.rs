//! The statements about one order of a shop, which the committer and the handler of kept webhooks share.

/// The id of the order that was placed under a natural key.
pub(crate) const ORDER_ID: &str =
    "select order_id from gateway.orders where shop = $1 and shop_order_id = $2 and is_placed";

/// An order's history, and a lock on it.
pub(crate) const HISTORY: &str = "\
    select order_id, is_placed, digest, digest_version, updated_at, latest_digest, latest_updated_at,
           cancelled_at is not null
      from gateway.orders where shop = $1 and shop_order_id = $2
       for update";

/// The shop's newest word of an order that stands.
pub(crate) const UPDATE: &str = "\
    update gateway.orders
       set latest_digest = $3, latest_updated_at = coalesce($4, latest_updated_at, updated_at), cancelled_at = null
     where shop = $1 and shop_order_id = $2";

/// How an order is paid by now, if that is news.
pub(crate) const PAYMENT: &str = "\
    update gateway.orders set tenders_digest = $3
     where shop = $1 and shop_order_id = $2 and is_placed and tenders_digest is distinct from $3";

/// A refund of an order, if that is news.
pub(crate) const REFUND: &str = "\
    update gateway.orders set refunds = array_append(refunds, $2::text)
     where order_id = $1 and $2::text <> all (coalesce(refunds, '{}'))";

/// The core of an order, in place of one that no build can compare any more.
pub(crate) const ADOPT: &str = "\
    update gateway.orders
       set digest = $3, digest_version = $4, updated_at = $5, latest_digest = null, latest_updated_at = null,
           cancelled_at = null
     where shop = $1 and shop_order_id = $2";

/// One order, unless its natural key is known.
pub(crate) const PLACE_ONE: &str = "\
    insert into gateway.orders (shop, shop_order_id, order_id, digest, digest_version, updated_at, traceparent)
    values ($1, $2, $3, $4, $5, $6, '')
    on conflict (shop, shop_order_id) do nothing";

/// A cancellation of an order that is not known: the order is never placed.
pub(crate) const CANCEL_UNKNOWN: &str = "\
    insert into gateway.orders
           (shop, shop_order_id, order_id, digest, updated_at, is_placed, cancelled_at, traceparent)
    values ($1, $2, $3, '', $4, false, despatch_now(), '')
    on conflict (shop, shop_order_id) do nothing";

/// Another cancellation of such an order.
pub(crate) const CANCEL_AGAIN: &str = "\
    update gateway.orders set updated_at = greatest(updated_at, $3)
     where shop = $1 and shop_order_id = $2 and not is_placed";

/// A cancellation of a known order.
pub(crate) const CANCEL: &str = "\
    update gateway.orders
       set cancelled_at = despatch_now(), latest_updated_at = coalesce($3, latest_updated_at, updated_at)
     where shop = $1 and shop_order_id = $2";

/// An order whose cancellation came before it, and was taken back.
pub(crate) const REVIVE: &str = "\
    update gateway.orders
       set order_id = $3, digest = $4, digest_version = $5, updated_at = $6, traceparent = $7, is_placed = true,
           cancelled_at = null, latest_updated_at = null
     where shop = $1 and shop_order_id = $2 and not is_placed";
