//! People's decisions, as requests over `ask.exceptions.<verb>`. Each is answered by one process of the worker, in one
//! transaction of [`CaseActions`](crate::CaseActions) or [`ReplayActions`](crate::ReplayActions); asked twice, a decision is
//! refused the second time as it would be from two people.

mod cases;
mod filter;
mod replays;

use despatch_runtime::Worker;

/// Registers every request.
pub(crate) fn register(worker: Worker) -> Worker {
    replays::register(cases::register(worker))
}
