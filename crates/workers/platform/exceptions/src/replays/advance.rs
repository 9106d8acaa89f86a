//! `exceptions.advance`: a bulk replay goes on, tick by tick. Each tick is a durable timer, so a bulk replay outlives the
//! process that runs it. Its replays are journaled with the tick, so each case is replayed once.

use despatch_contracts::exception::BulkReplayDue;
use despatch_contracts::runtime::Replay;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Timer, Tx};

use super::bulk_replay::ReplayState;
use super::plan::{NextAction, time_to_next_tick};
use super::store;

/// Advances bulk replays.
pub(crate) struct Advance {
    pub(crate) replay_due: Timer<BulkReplayDue>,
}

impl Handler for Advance {
    const NAME: &'static str = "exceptions.advance";
    type In = BulkReplayDue;
    type Out = Vec<Replay>;
    type Error = DbError;

    fn keys(&self, due: &BulkReplayDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("bulk-replay", &due.bulk_replay_id.to_string())
    }

    async fn record(&self, due: &BulkReplayDue, tx: &Tx<'_>) -> Result<Vec<Replay>, DbError> {
        let id = due.bulk_replay_id;
        let Some(tick) = store::tick(tx, id, due.tick).await? else { return Ok(Vec::new()) };
        let (mut idle_ticks, mut replays) = (0, Vec::new());
        match tick.plan.next(&tick.step) {
            NextAction::Replay(count) => replays = store::replay_next(tx, id, &tick, count).await?,
            NextAction::BeginStep => store::begin_step(tx, id).await?,
            NextAction::Wait => idle_ticks = due.idle_ticks + 1,
            NextAction::Stop(why) => {
                store::end(tx, id, ReplayState::Stopped, Self::NAME, &why).await?;
                return Ok(Vec::new());
            }
            NextAction::Finish => {
                store::end(tx, id, ReplayState::Finished, Self::NAME, "").await?;
                return Ok(Vec::new());
            }
        }
        let next = BulkReplayDue { bulk_replay_id: id, tick: store::next_tick(tx, id).await?, idle_ticks };
        tx.schedule(self.replay_due, &timer(id), time_to_next_tick(idle_ticks), &next).await?;
        Ok(replays)
    }
}

/// The key of a bulk replay's timer.
pub(super) fn timer(id: i64) -> String {
    format!("bulk-replay/{id}")
}
