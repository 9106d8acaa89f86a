//! `exceptions.advance`: a replay job goes on, turn by turn. Each turn is a durable timer, so a job survives whoever runs
//! it; what it replays is journaled with the turn, so each case is replayed once.

use despatch_contracts::exception::ReplayDue;
use despatch_contracts::runtime::Replay;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Tx};

use super::bulk_replay::{JobState, Move, wait};
use super::store::{self as jobs, Turn};

/// Goes through jobs.
pub(crate) struct Advance;

impl Handler for Advance {
    const NAME: &'static str = "exceptions.advance";
    type In = ReplayDue;
    type Out = Vec<Replay>;
    type Error = DbError;

    fn keys(&self, due: &ReplayDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("job", &due.job_id.to_string())
    }

    async fn record(&self, due: &ReplayDue, tx: &Tx<'_>) -> Result<Vec<Replay>, DbError> {
        let job = due.job_id;
        let Some(turn) = jobs::turn(tx, job, due.turn).await? else { return Ok(Vec::new()) };
        let Turn { terms, step, .. } = &turn;
        let (mut idle, mut replays) = (0, Vec::new());
        match terms.next(step) {
            Move::Replay(count) => replays = jobs::replay(tx, job, &turn, count).await?,
            Move::Step => jobs::step_on(tx, job).await?,
            Move::Wait => idle = due.idle + 1,
            Move::Stop(why) => {
                jobs::end(tx, job, JobState::Stopped, Self::NAME, &why).await?;
                return Ok(Vec::new());
            }
            Move::Finish => {
                jobs::end(tx, job, JobState::Finished, Self::NAME, "").await?;
                return Ok(Vec::new());
            }
        }
        let next = ReplayDue { job_id: job, turn: jobs::next_turn(tx, job).await?, idle };
        tx.schedule(&timer(job), wait(idle), &next).await?;
        Ok(replays)
    }
}

/// The key of a job's timer.
pub(crate) fn timer(job: i64) -> String {
    format!("job/{job}")
}
