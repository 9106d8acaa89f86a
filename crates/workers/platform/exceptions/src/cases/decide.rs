//! The SQL of people's decisions. A decision is one statement, which changes the case only in a state that allows the
//! decision and writes the history with it. So of two people who decide at once, the second is refused.

use std::borrow::Cow;

use bytes::Bytes;
use despatch_runtime::{DbError, Row};
use tokio_postgres::GenericClient;

use super::case::{Case, CaseId};
use super::decision::Decision;
use super::store::{CASE_COLUMNS, case_of, storable};

/// Unresolved, and claimed by no other person than `$3`.
const UNRESOLVED_AND_MINE: &str = "state <> 'resolved' and (claimed_by is null or claimed_by = $3)";

/// Applies a decision and returns the case after it; `None` when the case's state does not allow it, or there is no
/// such case.
pub(super) async fn apply(
    db: &impl GenericClient,
    id: &CaseId,
    actor: &str,
    decision: &Decision<'_>,
) -> Result<Option<Case>, DbError> {
    let (change, condition) = (change(decision), condition(decision));
    let sql = format!(
        "with decided as (
             update exceptions.exception set {change}, version = version + 1, updated_at = despatch_now()
              where handler = $1 and event_id = $2 and {condition} and $3::text is not null
             returning {CASE_COLUMNS}, version),
         recorded as (
             insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
             select $1, $2, version, $3, $4, generation, $5 from decided)
         select {CASE_COLUMNS} from decided"
    );
    let detail = storable(&decision.detail());
    let row = db.query_opt(&sql, &[&id.handler, &id.event_id, &actor, &decision.kind(), &detail]).await?;
    row.as_ref().map(case_of).transpose()
}

/// The columns that a decision sets; `$3` is the person.
fn change(decision: &Decision<'_>) -> Cow<'static, str> {
    match decision {
        Decision::Claim => "state = 'claimed', claimed_by = $3".into(),
        Decision::Release => "state = 'open', claimed_by = null".into(),
        Decision::Note { .. } => "state = state".into(),
        Decision::SetPriority { priority, .. } => format!("priority = {}", priority.number()).into(),
        Decision::Replay | Decision::EditAndReplay { .. } => "replayed_generation = generation".into(),
        Decision::Discard { .. } => "state = 'resolved', resolution = 'discarded'".into(),
        Decision::UndoDiscard => {
            "state = case when claimed_by is null then 'open' else 'claimed' end, resolution = null".into()
        }
        Decision::CancelOrder { .. } => "cancel_requested = true".into(),
    }
}

/// When a decision is allowed; `$3` is the person.
fn condition(decision: &Decision<'_>) -> Cow<'static, str> {
    let once = "coalesce(replayed_generation, -1) < generation";
    match decision {
        Decision::Claim => "state = 'open'".into(),
        // Any person may release a case, because the one who claimed it may be away.
        Decision::Release => "state = 'claimed'".into(),
        Decision::Note { .. } => "true".into(),
        Decision::SetPriority { .. } => "state <> 'resolved'".into(),
        Decision::Replay => format!("{UNRESOLVED_AND_MINE} and {once}").into(),
        // An edit fixes the failure that its author has seen, and no later one.
        Decision::EditAndReplay { generation, .. } => {
            format!("{UNRESOLVED_AND_MINE} and {once} and generation = {generation}").into()
        }
        Decision::Discard { .. } => UNRESOLVED_AND_MINE.into(),
        Decision::UndoDiscard => "resolution = 'discarded'".into(),
        Decision::CancelOrder { .. } => {
            format!("{UNRESOLVED_AND_MINE} and subject like 'order/%' and event_type <> 'order.placed'")
                .into()
        }
    }
}

/// Keeps what an edit changed, under the number of the case's latest history entry.
pub(super) async fn keep_edit(
    db: &impl GenericClient,
    id: &CaseId,
    before: &[u8],
    after: &[u8],
) -> Result<(), DbError> {
    let sql = "insert into exceptions.edit (handler, event_id, seq, payload_before, payload_after)
               select handler, event_id, version, $3, $4 from exceptions.exception where handler = $1 and event_id = $2";
    db.execute(sql, &[&id.handler, &id.event_id, &before, &after]).await?;
    Ok(())
}

/// The edits of a case: the number of each one's history entry, and the payload before and after it.
pub(super) async fn edits(db: &impl GenericClient, id: &CaseId) -> Result<Vec<(i32, Bytes, Bytes)>, DbError> {
    let sql = "select seq, payload_before, payload_after from exceptions.edit
                where handler = $1 and event_id = $2 order by seq";
    let rows = db.query(sql, &[&id.handler, &id.event_id]).await?;
    let bytes = |row: &Row, column| Ok::<_, DbError>(row.try_get::<_, Vec<u8>>(column)?.into());
    rows.iter()
        .map(|row| Ok((row.try_get("seq")?, bytes(row, "payload_before")?, bytes(row, "payload_after")?)))
        .collect()
}
