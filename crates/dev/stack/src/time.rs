//! Moves a database's time, for tests and rehearsals.

use std::time::Duration;

/// Returns the statement that moves `despatch_now()` forward by this much, in addition to earlier moves. Only the owner
/// of the function may run it, and no worker's role owns it, so a worker cannot move a deployment's time.
pub fn advance_time(by: Duration) -> String {
    format!(
        "do $$ begin
             execute format(
                 'create or replace function public.despatch_now() returns timestamptz
                      language sql stable parallel safe return now() + interval %L',
                 (despatch_now() - now()) + interval '{} seconds');
         end $$",
        by.as_secs_f64()
    )
}
