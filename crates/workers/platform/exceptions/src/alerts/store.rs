//! The SQL of alerts.

use std::time::Duration;

use despatch_runtime::{DbError, Tx};

/// A queue with cases past their service level.
pub(super) struct Overdue {
    pub(super) queue: String,
    pub(super) cases: i64,
    pub(super) longest_minutes: i64,
}

/// A reason for which events fail much more often than usual.
pub(super) struct Rise {
    pub(super) reason: String,
    /// Failures in the last ten minutes.
    pub(super) failures: i64,
    /// The average for ten minutes of the day before.
    pub(super) usual: f64,
}

/// Takes over a monitor that has not run for `stale_after`, or never; `false` when it runs.
pub(super) async fn take_stale_monitor(tx: &Tx<'_>, stale_after: Duration) -> Result<bool, DbError> {
    const SQL: &str = "insert into exceptions.monitor (ran_at) values (despatch_now())
                       on conflict (only_one) do update set ran_at = despatch_now()
                        where monitor.ran_at < despatch_now() - $1::float8 * interval '1 second'";
    Ok(tx.execute(SQL, &[&stale_after.as_secs_f64()]).await? == 1)
}

/// Queues past their service level.
pub(super) async fn overdue_queues(tx: &Tx<'_>) -> Result<Vec<Overdue>, DbError> {
    const SQL: &str = "
        select queue, count(*) as cases, (extract(epoch from despatch_now() - min(due)) / 60)::bigint as longest
          from exceptions.exception where state <> 'resolved' and due < despatch_now() group by queue order by queue";
    let rows = tx.query(SQL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Overdue {
                queue: row.try_get("queue")?,
                cases: row.try_get("cases")?,
                longest_minutes: row.try_get("longest")?,
            })
        })
        .collect()
}

/// Reasons with at least ten failures in ten minutes, and with more than four times as many as usual.
pub(super) async fn sudden_rises(tx: &Tx<'_>) -> Result<Vec<Rise>, DbError> {
    const SQL: &str = "
        select reason, recent, earlier / 144.0::float8 as usual
          from (select reason, count(*) filter (where at > despatch_now() - interval '10 minutes') as recent,
                       count(*) filter (where at <= despatch_now() - interval '10 minutes') as earlier
                  from exceptions.history
                 where kind = 'failed' and at > despatch_now() - interval '1 day 10 minutes' group by reason) counts
         where recent >= 10 and recent > 4 * earlier / 144.0 order by reason";
    let rows = tx.query(SQL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Rise {
                reason: row.try_get("reason")?,
                failures: row.try_get("recent")?,
                usual: row.try_get("usual")?,
            })
        })
        .collect()
}

/// Records the causes that hold now, and that the monitor ran. Returns the causes that did not hold before.
pub(super) async fn record_causes(tx: &Tx<'_>, causes: &[&str]) -> Result<Vec<String>, DbError> {
    const SQL: &str = "
        with ran as (update exceptions.monitor set ran_at = despatch_now()),
             over as (delete from exceptions.alert where cause <> all($1) and cause not like 'new/%')
        insert into exceptions.alert (cause) select unnest($1::text[]) on conflict do nothing returning cause";
    let rows = tx.returning(SQL, &[&causes]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Records the reasons of the last day that were never seen before, and returns them.
pub(super) async fn record_new_reasons(tx: &Tx<'_>) -> Result<Vec<String>, DbError> {
    const SQL: &str = "
        insert into exceptions.alert (cause)
        select distinct 'new/' || reason from exceptions.history where kind = 'failed' and at > despatch_now() - interval '1 day'
        on conflict do nothing returning substr(cause, 5)";
    let rows = tx.returning(SQL, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
