//! Moving a database's time, for tests and rehearsals.

use std::time::Duration;

/// The statement that moves `despatch_now()` forward by this much, on top of what it was moved by before. It takes the
/// owner of the function, which no worker's role is: a deployment's time cannot be moved by what runs in it.
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
