//! All SQL of the notifications worker: contacts, sent messages, unsubscriptions.

use despatch_runtime::{BatchedQuery, DbError, Reader, Row, Tx};

use crate::milestone::Milestone;

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[IS_SENT, RECIPIENT];

const IS_SENT: BatchedQuery = BatchedQuery::new(
    "select n from unnest($1::text[], $2::text[], $3::text[]) with ordinality
             as each(order_id, milestone, part, n) join notifications.sent using (order_id, milestone, part)",
);

const RECIPIENT: BatchedQuery = BatchedQuery::new(
    "select n, c.email, name, shop_order_id, s.order_id is not null as is_sent,
             u.email is not null as is_unsubscribed
           from unnest($1::text[], $2::text[], $3::text[]) with ordinality as each(order_id, milestone, part, n)
             join notifications.contact c using (order_id)
             left join notifications.sent s using (order_id, milestone, part)
             left join notifications.unsubscribed u on u.email = lower(c.email)",
);

/// The recipient of messages about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) email: String,
    pub(crate) name: String,
    /// The order number that the customer knows.
    pub(crate) shop_order_id: String,
}

/// The customer of a stored order, before a message to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) contact: Contact,
    /// Whether this very message was sent before.
    pub(crate) is_sent: bool,
    /// Whether the customer wants no mail beyond what the order requires.
    pub(crate) is_unsubscribed: bool,
}

/// Returns whether the message was sent before.
pub(crate) async fn is_sent(
    db: &Reader<'_>,
    order_id: &str,
    milestone: Milestone,
    part: &str,
) -> Result<bool, DbError> {
    Ok(!db.query_batched(IS_SENT, (order_id.to_owned(), milestone.name(), part.to_owned())).await?.is_empty())
}

/// Returns the order's customer; `None` until the contact is stored.
pub(crate) async fn recipient(
    db: &Reader<'_>,
    order_id: &str,
    milestone: Milestone,
    part: &str,
) -> Result<Option<Recipient>, DbError> {
    let rows = db.query_batched(RECIPIENT, (order_id.to_owned(), milestone.name(), part.to_owned())).await?;
    let recipient = |row: &Row| {
        Ok(Recipient {
            contact: Contact {
                email: row.try_get("email")?,
                name: row.try_get("name")?,
                shop_order_id: row.try_get("shop_order_id")?,
            },
            is_sent: row.try_get("is_sent")?,
            is_unsubscribed: row.try_get("is_unsubscribed")?,
        })
    };
    rows.first().map(recipient).transpose()
}

/// Stores the contact. An order's contact never changes.
pub(crate) async fn store_contact(tx: &Tx<'_>, order_id: &str, contact: &Contact) -> Result<(), DbError> {
    let sql = "insert into notifications.contact (order_id, email, name, shop_order_id)
               select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
               on conflict (order_id) do nothing";
    let Contact { email, name, shop_order_id } = contact.clone();
    tx.execute_batched(sql, (order_id.to_owned(), email, name, shop_order_id)).await?;
    Ok(())
}

/// Notes that a message was sent; returns false if that was noted before.
pub(crate) async fn sent(
    tx: &Tx<'_>,
    order_id: &str,
    milestone: Milestone,
    part: &str,
    message_id: &str,
) -> Result<bool, DbError> {
    let sql = "with each as (
                 select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
                   as each(order_id, milestone, part, message_id, n)
               ), sent as (
                 insert into notifications.sent (order_id, milestone, part, message_id)
                 select order_id, milestone, part, message_id from each
                 on conflict (order_id, milestone, part) do nothing
                 returning order_id, milestone, part
               )
               select n from each join sent using (order_id, milestone, part)";
    let values = (order_id.to_owned(), milestone.name(), part.to_owned(), message_id.to_owned());
    Ok(!tx.execute_batched(sql, values).await?.is_empty())
}

/// Unsubscribes the order's customer; returns false if the order has no contact.
pub(crate) async fn unsubscribe(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    let sql = "with contact as (
                 select lower(email) as email from notifications.contact where order_id = $1
               ), inserted as (
                 insert into notifications.unsubscribed (email) select email from contact
                 on conflict (email) do nothing
               )
               select from contact";
    Ok(!tx.returning(sql, &[&order_id]).await?.is_empty())
}
