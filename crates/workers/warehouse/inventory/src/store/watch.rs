//! The statements of timers over the whole stock: changed levels to tell, days to close.

use std::time::Duration;

use despatch_runtime::{DbError, Tx};

/// The most SKUs that one run tells of.
const MOST: i64 = 500;

/// Notes that the watch begins, and returns whether it did: it has not run for this long, or never did.
pub(crate) async fn take_stale_watch(tx: &Tx<'_>, after: Duration) -> Result<bool, DbError> {
    let sql = "INSERT INTO inventory.watch AS w (since) VALUES ('-infinity')
               ON CONFLICT (one) DO UPDATE SET ran_at = excluded.ran_at
                   WHERE w.ran_at < despatch_now() - make_interval(secs => $1)";
    Ok(tx.execute(sql, &[&after.as_secs_f64()]).await? > 0)
}

/// Units of a SKU that can be sold at a location.
pub(crate) struct Level {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) available: i64,
}

/// Returns every level of the SKUs whose levels differ from those told before, sorted, and notes them as told. The second value
/// says whether there are more.
pub(crate) async fn changed_levels(tx: &Tx<'_>) -> Result<(Vec<Level>, bool), DbError> {
    // A transaction writes its movements up to a minute before it commits. A level that was told before is not told again.
    let sql = "WITH moved AS (
                   SELECT DISTINCT sku FROM inventory.movement
                   WHERE at > (SELECT since - interval '1 minute' FROM inventory.watch)
               ), changed AS (
                   SELECT DISTINCT sku FROM moved JOIN inventory.stock s USING (sku)
                   LEFT JOIN inventory.level l USING (sku, location)
                   WHERE l.available IS DISTINCT FROM s.available
                   ORDER BY sku LIMIT $1
               ), told AS (
                   INSERT INTO inventory.level (sku, location, available)
                   SELECT sku, location, available FROM inventory.stock JOIN changed USING (sku)
                   ORDER BY sku, location
                   ON CONFLICT (sku, location) DO UPDATE SET available = excluded.available
               ), ran AS (
                   UPDATE inventory.watch SET ran_at = despatch_now(),
                       since = CASE WHEN (SELECT count(*) FROM changed) < $1 THEN despatch_now() ELSE since END
               )
               SELECT sku, location, available, (SELECT count(*) FROM changed) >= $1 AS has_more
               FROM inventory.stock JOIN changed USING (sku) ORDER BY sku, location";
    let rows = tx.returning(sql, &[&MOST]).await?;
    let has_more = rows.first().map_or(Ok(false), |row| row.try_get("has_more"))?;
    let level = |row: &despatch_runtime::Row| {
        Ok(Level {
            sku: row.try_get("sku")?,
            location: row.try_get("location")?,
            available: row.try_get("available")?,
        })
    };
    Ok((rows.iter().map(level).collect::<Result<_, DbError>>()?, has_more))
}

/// Brings the balances to the end of yesterday (UTC), by what moved since the closing before, unless that was done.
/// Returns the time until the next day can be closed. A day is closed an hour after its end, when all its transactions are over.
pub(crate) async fn close_day(tx: &Tx<'_>) -> Result<Duration, DbError> {
    let sql = "WITH due AS (
                   SELECT target.day, (target.day + 1)::timestamp AT TIME ZONE 'UTC' AS ends,
                          coalesce((last.day + 1)::timestamp AT TIME ZONE 'UTC', '-infinity') AS begins
                   FROM (SELECT ((despatch_now() - interval '1 hour') AT TIME ZONE 'UTC')::date - 1 AS day) target
                   CROSS JOIN (SELECT max(day) AS day FROM inventory.closing) last
                   WHERE last.day IS NULL OR last.day < target.day
               ), moved AS (
                   SELECT due.day, m.sku, m.location, side.bucket, sum(side.units)::int8 AS units
                   FROM due JOIN inventory.movement m ON m.at >= due.begins AND m.at < due.ends
                   CROSS JOIN LATERAL (VALUES (m.to_bucket, m.quantity), (m.from_bucket, -m.quantity))
                        AS side (bucket, units)
                   GROUP BY due.day, m.sku, m.location, side.bucket
               ), closed AS (
                   INSERT INTO inventory.balance (sku, location, bucket, day, units)
                   SELECT sku, location, bucket, day, units FROM moved
                   ON CONFLICT (sku, location, bucket) DO UPDATE
                       SET units = balance.units + excluded.units, day = excluded.day
               ), noted AS (
                   INSERT INTO inventory.closing (day) SELECT day FROM due
               )
               SELECT extract(epoch FROM
                          (date_trunc('day', (despatch_now() - interval '1 hour') AT TIME ZONE 'UTC') + interval '25 hours')
                          - despatch_now() AT TIME ZONE 'UTC')::float8 AS seconds";
    let rows = tx.returning(sql, &[]).await?;
    let seconds: f64 = rows.first().map_or(Ok(0.0), |row| row.try_get("seconds"))?;
    Ok(Duration::from_secs_f64(seconds.max(1.0)))
}
