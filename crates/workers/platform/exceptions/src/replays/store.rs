//! The SQL of bulk replays.

use despatch_contracts::runtime::{DeadLetter, Replay};
use despatch_runtime::{DbError, Row, Tx};
use prost::Message as _;
use tokio_postgres::GenericClient;

use super::bulk_replay::{
    BulkReplay, DryRun, ReplayCounts, ReplayFailure, ReplayHistoryEntry, ReplayItem, ReplayState,
    SkippedCases,
};
use super::plan::{ReplayPlan, StepProgress};
use crate::cases::filter::CaseFilter;
use crate::cases::search::{Condition, FilterValues};

/// Why an item `i` cannot be replayed in the state of its case `x`, for the person `$2`; null when it can. A macro,
/// because `concat!` takes no constant.
macro_rules! skip_reason {
    () => {
        "case when x.state = 'resolved' then x.resolution || ' since'
              when x.generation <> i.generation then 'failed again since'
              when coalesce(x.replayed_generation, -1) >= x.generation then 'is being replayed'
              when x.claimed_by is not null and x.claimed_by <> $2 then 'claimed by ' || x.claimed_by
              when not x.replayable then 'no event to replay'
         end"
    };
}

/// Creates a bulk replay of the cases that a filter finds now, in the order of a list. Returns its number and how many
/// cases it has.
pub(super) async fn create(
    db: &impl GenericClient,
    filter: &CaseFilter,
    plan: &ReplayPlan,
    actor: &str,
) -> Result<(i64, u64), DbError> {
    let canary: Vec<i32> = plan.canary.iter().map(|size| i32::try_from(*size).unwrap_or(i32::MAX)).collect();
    let sql = "insert into exceptions.bulk_replay (created_by, filter, state, canary, per_second, stop_above)
               values ($1, $2, 'created', $3, $4, $5) returning id";
    let in_words = filter.to_string();
    let row = db.query_one(sql, &[&actor, &in_words, &canary, &plan.per_second, &plan.stop_above]).await?;
    let id: i64 = row.try_get("id")?;
    let values = FilterValues::of(filter);
    let Condition { sql: condition, parameters } = Condition::of(filter, &values);
    let sql = format!(
        "insert into exceptions.bulk_replay_item (bulk_replay, seq, handler, event_id, generation, state)
         select {id}, row_number() over (order by priority desc, due, event_id, handler),
                handler, event_id, generation, 'pending'
           from exceptions.exception where {condition}"
    );
    let count = db.execute(&sql, &parameters).await?;
    add_history(db, id, actor, "created", "").await?;
    Ok((id, count))
}

/// Adds an entry to the history.
pub(super) async fn add_history(
    db: &impl GenericClient,
    id: i64,
    actor: &str,
    kind: &str,
    detail: &str,
) -> Result<(), DbError> {
    let sql = "insert into exceptions.bulk_replay_history (bulk_replay, actor, kind, detail) values ($1, $2, $3, $4)";
    db.execute(sql, &[&id, &actor, &kind, &detail]).await?;
    Ok(())
}

/// Bulk replays with their counts: the one of number `$1`, or the latest `$2`.
const BULK_REPLAYS: &str = "
    select *
      from (select * from exceptions.bulk_replay where $1::bigint is null or id = $1 order by id desc limit $2) chosen,
           lateral (select count(*) filter (where state = 'pending') as pending,
                           count(*) filter (where state = 'sent') as sent,
                           count(*) filter (where state = 'succeeded') as succeeded,
                           count(*) filter (where state = 'failed') as failed,
                           count(*) filter (where state = 'skipped') as skipped,
                           count(*) filter (where state = 'cancelled') as cancelled
                      from exceptions.bulk_replay_item where bulk_replay = chosen.id) counts
     order by id desc";

/// The latest bulk replays, newest first.
pub(super) async fn latest(db: &impl GenericClient, limit: i64) -> Result<Vec<BulkReplay>, DbError> {
    db.query(BULK_REPLAYS, &[&None::<i64>, &limit]).await?.iter().map(bulk_replay).collect()
}

/// A bulk replay; `None` when there is none of this number.
pub(super) async fn find(db: &impl GenericClient, id: i64) -> Result<Option<BulkReplay>, DbError> {
    db.query_opt(BULK_REPLAYS, &[&Some(id), &1_i64]).await?.as_ref().map(bulk_replay).transpose()
}

fn bulk_replay(row: &Row) -> Result<BulkReplay, DbError> {
    Ok(BulkReplay {
        id: row.try_get("id")?,
        created_by: row.try_get("created_by")?,
        filter: row.try_get("filter")?,
        state: row.try_get("state")?,
        stop_reason: row.try_get("stop_reason")?,
        plan: plan(row)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        counts: ReplayCounts {
            pending: row.try_get("pending")?,
            sent: row.try_get("sent")?,
            succeeded: row.try_get("succeeded")?,
            failed: row.try_get("failed")?,
            skipped: row.try_get("skipped")?,
            cancelled: row.try_get("cancelled")?,
        },
    })
}

fn plan(row: &Row) -> Result<ReplayPlan, DbError> {
    let canary: Vec<i32> = row.try_get("canary")?;
    Ok(ReplayPlan {
        canary: canary.into_iter().map(natural).collect(),
        per_second: row.try_get("per_second")?,
        stop_above: row.try_get("stop_above")?,
    })
}

/// The history of a bulk replay, oldest entry first.
pub(super) async fn history(db: &impl GenericClient, id: i64) -> Result<Vec<ReplayHistoryEntry>, DbError> {
    let sql = "select at, actor, kind, detail from exceptions.bulk_replay_history where bulk_replay = $1 order by at";
    let rows = db.query(sql, &[&id]).await?;
    rows.iter()
        .map(|row| {
            Ok(ReplayHistoryEntry {
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                kind: row.try_get("kind")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// At most `limit` cases of a bulk replay's set, after place `after`.
pub(super) async fn items(
    db: &impl GenericClient,
    id: i64,
    after: i32,
    limit: i64,
) -> Result<Vec<ReplayItem>, DbError> {
    let sql = "select seq, number, handler, event_id, i.state, result
                 from exceptions.bulk_replay_item i join exceptions.exception using (handler, event_id)
                where bulk_replay = $1 and seq > $2 order by seq limit $3";
    let rows = db.query(sql, &[&id, &after, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(ReplayItem {
                seq: row.try_get("seq")?,
                number: row.try_get("number")?,
                handler: row.try_get("handler")?,
                event_id: row.try_get("event_id")?,
                state: row.try_get("state")?,
                result: row.try_get("result")?,
            })
        })
        .collect()
}

/// The case of a bulk replay that was the last to fail again; `None` when none did.
pub(super) async fn last_failure(db: &impl GenericClient, id: i64) -> Result<Option<ReplayFailure>, DbError> {
    let sql = "select number, result, error
                 from exceptions.bulk_replay_item i join exceptions.exception using (handler, event_id)
                where bulk_replay = $1 and i.state = 'failed' order by i.updated_at desc, seq desc limit 1";
    let Some(row) = db.query_opt(sql, &[&id]).await? else { return Ok(None) };
    Ok(Some(ReplayFailure {
        number: row.try_get("number")?,
        reason: row.try_get("result")?,
        error: row.try_get("error")?,
    }))
}

/// The effect that a bulk replay would have on its pending cases now.
pub(super) async fn dry_run(db: &impl GenericClient, id: i64, actor: &str) -> Result<DryRun, DbError> {
    const SQL: &str = concat!(
        "select ",
        skip_reason!(),
        " as why, count(*) as count
           from exceptions.bulk_replay_item i join exceptions.exception x using (handler, event_id)
          where i.bulk_replay = $1 and i.state = 'pending' group by 1 order by 1"
    );
    let mut dry_run = DryRun { replayed: 0, skipped: Vec::new() };
    for row in db.query(SQL, &[&id, &actor]).await? {
        let count = row.try_get("count")?;
        match row.try_get("why")? {
            None => dry_run.replayed = count,
            Some(why) => dry_run.skipped.push(SkippedCases { why, count }),
        }
    }
    Ok(dry_run)
}

/// Sets the state of a bulk replay that is in one of `from`, at the beginning of its canary. Returns the number of its next
/// tick; `None` when it is in another state or does not exist.
pub(super) async fn set_state(
    db: &impl GenericClient,
    id: i64,
    from: &[ReplayState],
    to: ReplayState,
) -> Result<Option<i32>, DbError> {
    let sql = "update exceptions.bulk_replay
                  set state = $3, tick = tick + 1, step_number = step_number + 1, canary_step = 0, step_sent = 0,
                      stop_reason = '', updated_at = despatch_now()
                where id = $1 and state = any($2) returning tick";
    let from: Vec<&str> = from.iter().map(|state| state.name()).collect();
    let row = db.query_opt(sql, &[&id, &from, &to.name()]).await?;
    row.map(|row| row.try_get("tick")).transpose().map_err(DbError::from)
}

/// Cancels the pending cases of a bulk replay.
pub(super) async fn cancel_pending(db: &impl GenericClient, id: i64) -> Result<(), DbError> {
    let sql = "update exceptions.bulk_replay_item set state = 'cancelled', updated_at = despatch_now()
                where bulk_replay = $1 and state = 'pending'";
    db.execute(sql, &[&id]).await?;
    Ok(())
}

/// A running bulk replay at one of its ticks.
pub(super) struct Tick {
    pub(super) created_by: String,
    pub(super) plan: ReplayPlan,
    pub(super) step_number: i32,
    pub(super) step: StepProgress,
}

/// A bulk replay at tick `tick`; `None` when it does not run, or a later tick has been set.
pub(super) async fn tick(tx: &Tx<'_>, id: i64, tick: i32) -> Result<Option<Tick>, DbError> {
    const SQL: &str = "
        select created_by, canary, per_second, stop_above, step_number, canary_step, step_sent,
               extract(epoch from despatch_now() - last_sent_at)::float8 as since_last_sent,
               (select count(*) from exceptions.bulk_replay_item
                 where bulk_replay = $1 and step_number = b.step_number and state = 'sent') as in_flight,
               (select count(*) from exceptions.bulk_replay_item
                 where bulk_replay = $1 and step_number = b.step_number and state = 'failed') as failed,
               exists (select from exceptions.bulk_replay_item
                        where bulk_replay = $1 and state = 'pending') as pending,
               exists (select from exceptions.bulk_replay_item
                        where bulk_replay = $1 and state = 'sent') as outstanding
          from exceptions.bulk_replay b where id = $1 and tick = $2 and state = 'running' for update of b";
    let Some(row) = tx.query_opt(SQL, &[&id, &tick]).await? else { return Ok(None) };
    let plan = plan(&row)?;
    let step = usize::try_from(row.try_get::<_, i32>("canary_step")?).unwrap_or_default();
    let count = |column| Ok::<_, DbError>(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX));
    Ok(Some(Tick {
        created_by: row.try_get("created_by")?,
        step_number: row.try_get("step_number")?,
        step: StepProgress {
            size: plan.canary.get(step).copied(),
            sent: natural(row.try_get("step_sent")?),
            in_flight: count("in_flight")?,
            failed: count("failed")?,
            pending: row.try_get("pending")?,
            outstanding: row.try_get("outstanding")?,
            since_last_sent: row.try_get("since_last_sent")?,
        },
        plan,
    }))
}

/// Takes at most `count` pending cases: replays those that can be replayed, each with an entry in its history, and skips
/// the others. Returns the replays to publish.
pub(super) async fn replay_next(
    tx: &Tx<'_>,
    id: i64,
    tick: &Tick,
    count: u32,
) -> Result<Vec<Replay>, DbError> {
    const SQL: &str = concat!(
        "with next as (
             select seq, handler, event_id, generation from exceptions.bulk_replay_item
              where bulk_replay = $1 and state = 'pending' order by seq limit $4),
         checked as (
             select i.*, ",
        skip_reason!(),
        " as skip_reason
               from next i join exceptions.exception x using (handler, event_id)),
         -- A decision that another transaction commits in between is seen here, and only here.
         replayed as (
             update exceptions.exception x
                set replayed_generation = x.generation, version = x.version + 1, updated_at = despatch_now()
               from next i
              where x.handler = i.handler and x.event_id = i.event_id and (",
        skip_reason!(),
        ") is null
             returning x.handler, x.event_id, x.version, x.generation, x.letter),
         recorded as (
             insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
             select handler, event_id, version, $2, 'replayed', generation, 'bulk replay ' || $1 from replayed),
         taken as (
             update exceptions.bulk_replay_item i
                set state = case when r.handler is null then 'skipped' else 'sent' end,
                    result = case when r.handler is null then coalesce(skip_reason, 'changed just now') else '' end,
                    step_number = $3, updated_at = despatch_now()
               from checked c left join replayed r using (handler, event_id)
              where i.bulk_replay = $1 and i.seq = c.seq),
         counted as (
             update exceptions.bulk_replay
                set step_sent = step_sent + (select count(*) from replayed), last_sent_at = despatch_now(), updated_at = despatch_now()
              where id = $1)
         select letter from replayed"
    );
    let rows = tx.returning(SQL, &[&id, &tick.created_by, &tick.step_number, &i64::from(count)]).await?;
    let mut replays = Vec::with_capacity(rows.len());
    for row in &rows {
        // This worker encoded it.
        let letter = DeadLetter::decode(row.try_get::<_, &[u8]>("letter")?).unwrap_or_default();
        let DeadLetter { handler, generation, event, .. } = letter;
        replays.push(Replay { handler, generation: generation + 1, event });
    }
    Ok(replays)
}

/// Begins the next step.
pub(super) async fn begin_step(tx: &Tx<'_>, id: i64) -> Result<(), DbError> {
    const SQL: &str = "
        update exceptions.bulk_replay
           set canary_step = canary_step + 1, step_number = step_number + 1, step_sent = 0, updated_at = despatch_now()
         where id = $1";
    tx.execute(SQL, &[&id]).await?;
    Ok(())
}

/// Finishes a bulk replay, or stops it for a reason.
pub(super) async fn end(
    tx: &Tx<'_>,
    id: i64,
    state: ReplayState,
    actor: &str,
    stop_reason: &str,
) -> Result<(), DbError> {
    const SQL: &str = "
        with ended as (
            update exceptions.bulk_replay set state = $2, stop_reason = $4, updated_at = despatch_now() where id = $1)
        insert into exceptions.bulk_replay_history (bulk_replay, actor, kind, detail) values ($1, $3, $2, $4)";
    tx.execute(SQL, &[&id, &state.name(), &actor, &stop_reason]).await?;
    Ok(())
}

/// The number of the next tick.
pub(super) async fn next_tick(tx: &Tx<'_>, id: i64) -> Result<i32, DbError> {
    const SQL: &str = "update exceptions.bulk_replay set tick = tick + 1 where id = $1 returning tick";
    let rows = tx.returning(SQL, &[&id]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

fn natural(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
