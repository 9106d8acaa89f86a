//! How long closed cases are kept, with the events and bodies that they hold.

use despatch_runtime::Retention;

/// Days for which a closed case is kept by default.
const DAYS: u32 = 365;

/// Closed cases with their histories and edits; the items of bulk replays that are at their end; then the bulk replays. An open
/// case stays, whatever its age.
pub(crate) fn retentions() -> [Retention; 3] {
    let cases = "with old as (
            select handler, event_id from exceptions.exception
            where closed and opened_at < $1 and updated_at < $1
            order by opened_at limit $2 for update skip locked
        ), gone as (
            delete from exceptions.exception e using old
            where e.handler = old.handler and e.event_id = old.event_id returning 1
        ), history as (
            delete from exceptions.history h using old where h.handler = old.handler and h.event_id = old.event_id
        ), edits as (
            delete from exceptions.edit e using old where e.handler = old.handler and e.event_id = old.event_id
        )
        select count(*) from gone";
    let items = "with old as (
            select i.bulk_replay, i.seq from exceptions.bulk_replay_item i
                join exceptions.bulk_replay b on b.id = i.bulk_replay
            where b.state in ('stopped', 'cancelled', 'finished') and b.updated_at < $1
            order by i.bulk_replay, i.seq limit $2 for update of i skip locked
        ), gone as (
            delete from exceptions.bulk_replay_item i using old
            where i.bulk_replay = old.bulk_replay and i.seq = old.seq returning 1
        )
        select count(*) from gone";
    let replays = "with old as (
            select id from exceptions.bulk_replay b
            where state in ('stopped', 'cancelled', 'finished') and updated_at < $1
                and not exists (select from exceptions.bulk_replay_item where bulk_replay = b.id)
            order by id limit $2 for update skip locked
        ), history as (
            delete from exceptions.bulk_replay_history h using old where h.bulk_replay = old.id
        ), gone as (
            delete from exceptions.bulk_replay b using old where b.id = old.id returning 1
        )
        select count(*) from gone";
    [cases, items, replays].map(|sql| Retention::new("cases", DAYS, sql))
}
