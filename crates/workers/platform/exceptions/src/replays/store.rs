//! The SQL of replay jobs.

use despatch_contracts::runtime::{DeadLetter, Replay};
use despatch_runtime::{DbError, Row, Tx};
use prost::Message as _;
use tokio_postgres::GenericClient;

use super::bulk_replay::{Item, Job, JobEntry, JobState, Step, Tally, Terms};
use crate::cases::store::{Asked, Conditions, Filter, int};

/// Why an item `i` cannot be replayed as its case `x` stands, for who `$2` is; null when it can.
macro_rules! objection {
    () => {
        "case when x.state = 'resolved' then x.resolution || ' since'
              when x.generation <> i.generation then 'failed again since'
              when coalesce(x.replayed, -1) >= x.generation then 'is being replayed'
              when x.claimed_by is not null and x.claimed_by <> $2 then 'claimed by ' || x.claimed_by
              when not x.replayable then 'no event to replay'
         end"
    };
}

/// Freezes the cases that a filter finds into a job's set, in the order of a list; answers the job's number, and how many
/// cases there are.
pub(crate) async fn freeze(
    db: &impl GenericClient,
    filter: &Filter,
    terms: &Terms,
    who: &str,
) -> Result<(i64, u64), DbError> {
    let canary: Vec<i32> = terms.canary.iter().copied().map(int).collect();
    let sql = "insert into exceptions.job (who, asked, state, canary, per_second, stop_above)
               values ($1, $2, 'frozen', $3, $4, $5) returning id";
    let asked = filter.to_string();
    let row = db.query_one(sql, &[&who, &asked, &canary, &terms.per_second, &terms.stop_above]).await?;
    let job: i64 = row.try_get(0)?;
    let of_filter = Asked::by(filter);
    let Conditions { sql: wanted, parameters } = Conditions::of(filter, &of_filter);
    let sql = format!(
        "insert into exceptions.item (job, seq, handler, event_id, generation, state)
         select {job}, row_number() over (order by priority desc, due, event_id, handler),
                handler, event_id, generation, 'pending'
           from exceptions.exception where {wanted}"
    );
    let count = db.execute(&sql, &parameters).await?;
    note(db, job, who, "frozen", "").await?;
    Ok((job, count))
}

/// Adds to a job's history.
pub(crate) async fn note(
    db: &impl GenericClient,
    job: i64,
    who: &str,
    kind: &str,
    detail: &str,
) -> Result<(), DbError> {
    let sql = "insert into exceptions.job_entry (job, who, kind, detail) values ($1, $2, $3, $4)";
    db.execute(sql, &[&job, &who, &kind, &detail]).await?;
    Ok(())
}

/// Jobs with their tallies: that of number `$1`, or the latest `$2`.
const JOBS: &str = "
    select *
      from (select * from exceptions.job where $1::bigint is null or id = $1 order by id desc limit $2) chosen,
           lateral (select count(*) filter (where state = 'pending') as pending,
                           count(*) filter (where state = 'sent') as sent,
                           count(*) filter (where state = 'succeeded') as succeeded,
                           count(*) filter (where state = 'failed') as failed,
                           count(*) filter (where state = 'skipped') as skipped,
                           count(*) filter (where state = 'cancelled') as cancelled
                      from exceptions.item where item.job = chosen.id) tally
     order by id desc";

/// The latest jobs, the newest first.
pub(crate) async fn latest(db: &impl GenericClient, limit: i64) -> Result<Vec<Job>, DbError> {
    db.query(JOBS, &[&None::<i64>, &limit]).await?.iter().map(job).collect()
}

/// A job; `None` when there is none of this number.
pub(crate) async fn find(db: &impl GenericClient, id: i64) -> Result<Option<Job>, DbError> {
    db.query_opt(JOBS, &[&Some(id), &1_i64]).await?.as_ref().map(job).transpose()
}

fn job(row: &Row) -> Result<Job, DbError> {
    let canary: Vec<i32> = row.try_get("canary")?;
    Ok(Job {
        id: row.try_get("id")?,
        who: row.try_get("who")?,
        asked: row.try_get("asked")?,
        state: row.try_get("state")?,
        why: row.try_get("why")?,
        terms: Terms {
            canary: canary.into_iter().map(natural).collect(),
            per_second: row.try_get("per_second")?,
            stop_above: row.try_get("stop_above")?,
        },
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        tally: Tally {
            pending: row.try_get("pending")?,
            sent: row.try_get("sent")?,
            succeeded: row.try_get("succeeded")?,
            failed: row.try_get("failed")?,
            skipped: row.try_get("skipped")?,
            cancelled: row.try_get("cancelled")?,
        },
    })
}

/// What was decided about a job, oldest first.
pub(crate) async fn history(db: &impl GenericClient, id: i64) -> Result<Vec<JobEntry>, DbError> {
    let sql = "select at, who, kind, detail from exceptions.job_entry where job = $1 order by at";
    let rows = db.query(sql, &[&id]).await?;
    rows.iter()
        .map(|row| {
            Ok(JobEntry {
                at: row.try_get("at")?,
                who: row.try_get("who")?,
                kind: row.try_get("kind")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// The cases of a job's set after place `after`, at most `limit`.
pub(crate) async fn items(
    db: &impl GenericClient,
    id: i64,
    after: i32,
    limit: i64,
) -> Result<Vec<Item>, DbError> {
    let sql = "select seq, handler, event_id, state, result from exceptions.item
                where job = $1 and seq > $2 order by seq limit $3";
    let rows = db.query(sql, &[&id, &after, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Item {
                seq: row.try_get("seq")?,
                handler: row.try_get("handler")?,
                event_id: row.try_get("event_id")?,
                state: row.try_get("state")?,
                result: row.try_get("result")?,
            })
        })
        .collect()
}

/// What replaying a job's pending cases now would do: how many would be replayed (an empty word), and how many would be
/// skipped and why.
pub(crate) async fn foresee(
    db: &impl GenericClient,
    id: i64,
    who: &str,
) -> Result<Vec<(String, i64)>, DbError> {
    const SQL: &str = concat!(
        "select coalesce(",
        objection!(),
        ", ''), count(*)
           from exceptions.item i join exceptions.exception x using (handler, event_id)
          where i.job = $1 and i.state = 'pending' group by 1 order by 1"
    );
    let rows = db.query(SQL, &[&id, &who]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Moves a job on to another state, from one of those that allow it. Answers the number of its next turn; `None` when
/// it does not stand so. A job that goes on begins with its canary again.
pub(crate) async fn move_on(
    db: &impl GenericClient,
    id: i64,
    from: &[JobState],
    to: JobState,
) -> Result<Option<i32>, DbError> {
    let sql = "update exceptions.job
                  set state = $3, turn = turn + 1, wave = wave + 1, step = 0, handed = 0, why = '', updated_at = now()
                where id = $1 and state = any($2) returning turn";
    let from: Vec<&str> = from.iter().map(|state| state.name()).collect();
    let row = db.query_opt(sql, &[&id, &from, &to.name()]).await?;
    row.map(|row| row.try_get(0)).transpose().map_err(DbError::from)
}

/// Takes what is pending off a cancelled job.
pub(crate) async fn cancel_pending(db: &impl GenericClient, id: i64) -> Result<(), DbError> {
    let sql = "update exceptions.item set state = 'cancelled', updated_at = now() where job = $1 and state = 'pending'";
    db.execute(sql, &[&id]).await?;
    Ok(())
}

/// A running job at one of its turns.
pub(crate) struct Turn {
    pub(crate) who: String,
    pub(crate) terms: Terms,
    pub(crate) wave: i32,
    pub(crate) step: Step,
}

/// How a job stands at a turn of its; `None` when it does not run, or another turn has been set since.
pub(crate) async fn turn(tx: &Tx<'_>, id: i64, turn: i32) -> Result<Option<Turn>, DbError> {
    const SQL: &str = "
        select who, canary, per_second, stop_above, wave, step, handed,
               extract(epoch from now() - handed_at)::float8 as since,
               (select count(*) from exceptions.item where job = $1 and wave = j.wave and state = 'sent') as under_way,
               (select count(*) from exceptions.item where job = $1 and wave = j.wave and state = 'failed') as failed,
               exists (select from exceptions.item where job = $1 and state = 'pending') as pending,
               exists (select from exceptions.item where job = $1 and state = 'sent') as outstanding
          from exceptions.job j where id = $1 and turn = $2 and state = 'running' for update of j";
    let Some(row) = tx.query_opt(SQL, &[&id, &turn]).await? else { return Ok(None) };
    let canary: Vec<i32> = row.try_get("canary")?;
    let canary: Vec<u32> = canary.into_iter().map(natural).collect();
    let step = usize::try_from(row.try_get::<_, i32>("step")?).unwrap_or_default();
    let count = |column| Ok::<_, DbError>(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX));
    Ok(Some(Turn {
        who: row.try_get("who")?,
        wave: row.try_get("wave")?,
        step: Step {
            size: canary.get(step).copied(),
            handed: natural(row.try_get("handed")?),
            under_way: count("under_way")?,
            failed: count("failed")?,
            pending: row.try_get("pending")?,
            outstanding: row.try_get("outstanding")?,
            since: row.try_get("since")?,
        },
        terms: Terms {
            canary,
            per_second: row.try_get("per_second")?,
            stop_above: row.try_get("stop_above")?,
        },
    }))
}

/// Takes the next pending cases of a job, at most `count`: those that can be are replayed, each with an entry in its
/// history, the others skipped. Answers what is to be published.
pub(crate) async fn replay(tx: &Tx<'_>, id: i64, turn: &Turn, count: u32) -> Result<Vec<Replay>, DbError> {
    const SQL: &str = concat!(
        "with next as (
             select seq, handler, event_id, generation from exceptions.item
              where job = $1 and state = 'pending' order by seq limit $4),
         judged as (
             select i.*, ",
        objection!(),
        " as objection
               from next i join exceptions.exception x using (handler, event_id)),
         -- A decision that came in between is seen here, and only here.
         replayed as (
             update exceptions.exception x
                set replayed = x.generation, version = x.version + 1, updated_at = now()
               from next i
              where x.handler = i.handler and x.event_id = i.event_id and (",
        objection!(),
        ") is null
             returning x.handler, x.event_id, x.version, x.generation, x.letter),
         noted as (
             insert into exceptions.entry (handler, event_id, seq, who, kind, generation, detail)
             select handler, event_id, version, $2, 'replayed', generation, 'job ' || $1 from replayed),
         moved as (
             update exceptions.item i
                set state = case when r.handler is null then 'skipped' else 'sent' end,
                    result = case when r.handler is null then coalesce(objection, 'changed just now') else '' end,
                    wave = $3, updated_at = now()
               from judged j left join replayed r using (handler, event_id)
              where i.job = $1 and i.seq = j.seq),
         counted as (
             update exceptions.job
                set handed = handed + (select count(*) from replayed), handed_at = now(), updated_at = now()
              where id = $1)
         select letter from replayed"
    );
    let rows = tx.returning(SQL, &[&id, &turn.who, &turn.wave, &i64::from(count)]).await?;
    let mut replays = Vec::with_capacity(rows.len());
    for row in &rows {
        // What this worker wrote it can read.
        let letter = DeadLetter::decode(row.try_get::<_, &[u8]>("letter")?).unwrap_or_default();
        let DeadLetter { handler, generation, event, .. } = letter;
        replays.push(Replay { handler, generation: generation + 1, event });
    }
    Ok(replays)
}

/// Begins a job's next step.
pub(crate) async fn step_on(tx: &Tx<'_>, id: i64) -> Result<(), DbError> {
    const SQL: &str =
        "update exceptions.job set step = step + 1, wave = wave + 1, handed = 0, updated_at = now()
                        where id = $1";
    tx.execute(SQL, &[&id]).await?;
    Ok(())
}

/// Ends a job, or stops it.
pub(crate) async fn end(tx: &Tx<'_>, id: i64, state: JobState, who: &str, why: &str) -> Result<(), DbError> {
    const SQL: &str = "
        with ended as (
            update exceptions.job set state = $2, why = $4, updated_at = now() where id = $1)
        insert into exceptions.job_entry (job, who, kind, detail) values ($1, $3, $2, $4)";
    tx.execute(SQL, &[&id, &state.name(), &who, &why]).await?;
    Ok(())
}

/// The number of a job's next turn.
pub(crate) async fn next_turn(tx: &Tx<'_>, id: i64) -> Result<i32, DbError> {
    const SQL: &str = "update exceptions.job set turn = turn + 1 where id = $1 returning turn";
    let rows = tx.returning(SQL, &[&id]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

fn natural(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
