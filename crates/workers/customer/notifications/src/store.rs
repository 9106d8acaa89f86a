//! All SQL of the notifications worker: contacts, sent messages, unsubscriptions.

use std::time::SystemTime;

use despatch_runtime::{BatchedQuery, DbError, Reader, Retention, Row, Tx};

use crate::milestone::Milestone;

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[IS_SENT, RECIPIENT, IS_REMINDED];

const IS_SENT: BatchedQuery = BatchedQuery::new(
    "select n from unnest($1::text[], $2::text[], $3::text[]) with ordinality
             as each(order_id, milestone, part, n) join notifications.sent using (order_id, milestone, part)",
);

const RECIPIENT: BatchedQuery = BatchedQuery::new(
    "select n, c.email, name, number, s.order_id is not null as is_sent,
             later.order_id is not null as is_superseded, u.email is not null as is_unsubscribed
           from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality
                  as each(order_id, milestone, part, superseded_by, n)
             join notifications.contact c using (order_id)
             left join notifications.sent s using (order_id, milestone, part)
             left join notifications.sent later
               on later.order_id = each.order_id and later.part = each.part and later.milestone = superseded_by
             left join notifications.unsubscribed u on u.email = lower(c.email)",
);

const IS_REMINDED: BatchedQuery = BatchedQuery::new(
    "select n from unnest($1::text[], $2::timestamptz[]) with ordinality as each(delivery, due, n)
       join notifications.reminder using (delivery, due)",
);

/// The recipient of messages about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) email: String,
    pub(crate) name: String,
    /// The order number that the customer knows.
    pub(crate) number: String,
}

/// The customer of a stored order, before a message to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) contact: Contact,
    /// Whether this very message was sent before.
    pub(crate) is_sent: bool,
    /// Whether a later message about the same parcel was sent before.
    pub(crate) is_superseded: bool,
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
    let superseded_by = milestone.superseded_by().map_or("", Milestone::name);
    let message = (order_id.to_owned(), milestone.name(), part.to_owned(), superseded_by);
    let rows = db.query_batched(RECIPIENT, message).await?;
    let recipient = |row: &Row| {
        Ok(Recipient {
            contact: Contact {
                email: row.try_get("email")?,
                name: row.try_get("name")?,
                number: row.try_get("number")?,
            },
            is_sent: row.try_get("is_sent")?,
            is_superseded: row.try_get("is_superseded")?,
            is_unsubscribed: row.try_get("is_unsubscribed")?,
        })
    };
    rows.first().map(recipient).transpose()
}

/// Stores the contact. An order's contact never changes.
pub(crate) async fn store_contact(tx: &Tx<'_>, order_id: &str, contact: &Contact) -> Result<(), DbError> {
    let sql = "insert into notifications.contact (order_id, email, name, number)
               select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
               on conflict (order_id) do nothing";
    let Contact { email, name, number } = contact.clone();
    tx.execute_batched(sql, (order_id.to_owned(), email, name, number)).await?;
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

/// Returns whether the supplier was reminded of a delivery that was due at this time.
pub(crate) async fn is_reminded(db: &Reader<'_>, delivery: &str, due: SystemTime) -> Result<bool, DbError> {
    Ok(!db.query_batched(IS_REMINDED, (delivery.to_owned(), due)).await?.is_empty())
}

/// Notes that the supplier was reminded.
pub(crate) async fn reminded(
    tx: &Tx<'_>,
    delivery: &str,
    due: SystemTime,
    message_id: &str,
) -> Result<(), DbError> {
    let sql = "insert into notifications.reminder (delivery, due, message_id) values ($1, $2, $3)
               on conflict (delivery, due) do nothing";
    tx.execute(sql, &[&delivery, &due, &message_id]).await?;
    Ok(())
}

/// The addresses for an order's mails, and what was sent, from the last mail on. Addresses that unsubscribed stay, because nobody
/// may write to them later either.
pub(crate) fn retentions() -> [Retention; 2] {
    let sql = "with old as (
            select order_id from notifications.contact c where order_id < $3 and stored_at < $1
                and not exists (select from notifications.sent where sent.order_id = c.order_id and sent_at >= $1)
            order by order_id limit $2 for update skip locked
        ), gone as (
            delete from notifications.contact using old where contact.order_id = old.order_id returning 1
        ), mails as (
            delete from notifications.sent using old where sent.order_id = old.order_id
        )
        select count(*) from gone";
    let reminders = "with old as (
            select ctid from notifications.reminder where sent_at < $1 limit $2 for update skip locked
        ), gone as (
            delete from notifications.reminder where ctid = any (array(select ctid from old)) returning 1
        )
        select count(*) from gone";
    [Retention::new("mails", 730, sql), Retention::new("mails", 730, reminders)]
}
