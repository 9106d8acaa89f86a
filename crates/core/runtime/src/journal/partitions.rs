//! The journal's partitions: one per week, created ahead and dropped past retention.

use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use jiff::Timestamp;

use crate::db::{Database, DbError};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Lock timeout of a change to the partitions. It is short, because writers queue behind the change while it waits.
const LOCK_TIMEOUT: &str = "2s";

/// Weeks of partitions that are created in advance.
const WEEKS_AHEAD: u32 = 3;

/// Creates the partitions of this week and the coming weeks.
pub(crate) async fn partitions_ahead(db: &Database, schema: &str) -> Result<(), DbError> {
    let mut client = db.client().await?;
    for from in weeks_ahead(now(&client).await?) {
        let tx = client.transaction().await?;
        tx.execute(
            "select pg_advisory_xact_lock(hashtextextended('despatch.migrate.' || $1, 0))",
            &[&schema],
        )
        .await?;
        partition(&tx, schema, from).await?;
        tx.commit().await?;
    }
    Ok(())
}

pub(crate) fn weeks_ahead(now: SystemTime) -> impl Iterator<Item = SystemTime> {
    let this_week = week_of(now);
    (0..=WEEKS_AHEAD).map(move |ahead| this_week + WEEK * ahead)
}

/// Creates a week's partition if it is missing.
pub(crate) async fn partition(
    tx: &deadpool_postgres::Transaction<'_>,
    schema: &str,
    from: SystemTime,
) -> Result<(), DbError> {
    let name = partition_name(from);
    let exists = tx.query_one("select to_regclass($1) is not null", &[&format!("{schema}.{name}")]).await?;
    if exists.get::<_, bool>(0) {
        return Ok(());
    }
    let (first, end) = (EventId::first_at(from), EventId::first_at(from + WEEK));
    // Rows of this week that arrived before its partition are in the default one and move over. Writers lock the table
    // before the partition; this does the same, so that they cannot deadlock.
    tx.batch_execute(&format!(
        "set local lock_timeout = '{LOCK_TIMEOUT}';
         lock table only {schema}.journal in share update exclusive mode;
         lock table {schema}.journal_other in access exclusive mode;
         create table {schema}.{name} (like {schema}.journal including defaults including constraints);
         with early as (
             delete from {schema}.journal_other where id >= '{first}' and id < '{end}' returning *)
         insert into {schema}.{name} select * from early;
         alter table {schema}.journal attach partition {schema}.{name}
             for values from ('{first}') to ('{end}');"
    ))
    .await?;
    Ok(())
}

/// Drops partitions that ended more than `retention` ago, unless a row in them may be unpublished. Rows that are
/// waiting or dead, perhaps permanently, move to the default partition.
pub(crate) async fn drop_expired(db: &Database, schema: &str, retention: Duration) -> Result<(), DbError> {
    let mut client = db.client().await?;
    let past = now(&client).await?.checked_sub(retention + WEEK).unwrap_or(SystemTime::UNIX_EPOCH);
    let oldest = partition_name(past);
    let expired = client
        .query(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where i.inhparent = to_regclass($1) and c.relname like 'journal\\_w%' and c.relname < $2
              order by 1",
            &[&format!("{schema}.journal"), &oldest],
        )
        .await?;
    for name in expired.iter().map(|row| row.get::<_, String>(0)) {
        let tx = client.transaction().await?;
        tx.batch_execute(&format!(
            "set local lock_timeout = '{LOCK_TIMEOUT}';
             lock table only {schema}.journal in access exclusive mode;
             lock table {schema}.{name} in access exclusive mode;"
        ))
        .await?;
        let has_yet_to_publish = tx
            .query_one(
                &format!(
                    "select exists (select from {schema}.outbox_batch b
                                      join {schema}.{name} j on j.handler = b.handler and j.id = any(b.events))"
                ),
                &[],
            )
            .await?;
        if !has_yet_to_publish.get::<_, bool>(0) {
            tx.batch_execute(&format!(
                "alter table {schema}.journal detach partition {schema}.{name};
                 insert into {schema}.journal select * from {schema}.{name} where state <> 'done';
                 drop table {schema}.{name};"
            ))
            .await?;
            tracing::info!(schema, partition = name, "journal partition dropped: it is past its retention");
        }
        tx.commit().await?;
    }
    // Deletes rows that were moved to the default partition and have been settled since.
    let settled = format!(
        "delete from {schema}.journal_other j where state = 'done' and id < $1::text::uuid
            and not exists (select from {schema}.outbox_batch b where j.handler = b.handler and j.id = any(b.events))"
    );
    client.execute(&settled, &[&EventId::first_at(past).to_string()]).await?;
    Ok(())
}

/// Returns the journal's missing partitions of this week and the next.
pub(crate) async fn missing_partitions(db: &Database, schema: &str) -> Result<Vec<String>, DbError> {
    let client = db.client().await?;
    let this_week = week_of(now(&client).await?);
    let mut missing = vec![partition_name(this_week), partition_name(this_week + WEEK)];
    let rows = client
        .query(
            "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where i.inhparent = to_regclass($1)",
            &[&format!("{schema}.journal")],
        )
        .await?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    missing.retain(|name| !there.contains(name));
    Ok(missing)
}

/// Returns the beginning of a moment's week, as partitions count weeks.
fn week_of(moment: SystemTime) -> SystemTime {
    let (week, since_epoch) = (WEEK.as_secs(), moment.duration_since(SystemTime::UNIX_EPOCH));
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.unwrap_or_default().as_secs() / week * week)
}

async fn now(client: &deadpool_postgres::Object) -> Result<SystemTime, DbError> {
    Ok(client.query_one("select despatch_now()", &[]).await?.get(0))
}

/// Returns a partition's name, which sorts by time, e.g. `journal_w20261116`.
fn partition_name(from: SystemTime) -> String {
    let day = Timestamp::try_from(from).unwrap_or_default().strftime("%Y%m%d").to_string();
    format!("journal_w{day}")
}
