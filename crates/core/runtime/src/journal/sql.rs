//! The runtime's SQL for one worker's schema: a file for each statement, in `sql/`.

/// Ends each statement that takes rows of `retry`, which it calls `due`: it returns their events, in
/// outbox batches, so that the sweeper publishes them if this process does not.
const FIRED: &str = "\
fired as (
    select id, handler, generation, event from {schema}.journal join due using (id, handler)),
opened as (
    insert into {schema}.outbox_batch (handler, events)
    select handler, array_agg(id) from due group by handler
    returning id, handler)
select opened.id as batch, fired.id, fired.handler, fired.generation, fired.event
  from fired join opened using (handler)";

/// Declares [`Statements`] with one statement for each file of `sql/`.
macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        /// The statements for one schema. Each is prepared once per connection.
        pub(crate) struct Statements {
            $(pub(crate) $name: String,)+
        }

        impl Statements {
            /// Returns the statements for one worker's schema.
            pub(crate) fn of(schema: &str) -> Self {
                let of = |sql: &str| sql.replace("{fired}", FIRED).replace("{schema}", schema);
                Statements {
                    $($name: of(include_str!(concat!("../../sql/", stringify!($name), ".sql"))),)+
                }
            }

            /// Returns each statement with its name. A worker prepares all of them when it starts.
            pub(crate) fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), &self.$name)),+]
            }
        }
    };
}

statements!(
    admit,
    batches_of,
    begin_effect,
    checkpoint,
    close_batches,
    close_breaker,
    close_effect,
    done,
    due,
    end_starts,
    fail_probe,
    fire_probe,
    fire_retries,
    fire_timers,
    half_open_breaker,
    has_missing_consumer,
    lock,
    narrow_batch,
    insert_outbox_batch,
    open_breaker,
    overdue_batches,
    pending_effect,
    published_since,
    register_breakers,
    release_held,
    save_checkpoint,
    schedule,
    settle_again,
    settle_first,
    slow_breaker,
    start,
    stored_until,
    unpublished,
    unschedule,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_of_its_schema() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let statements = Statements::of("orders");
        assert_eq!(statements.all().len(), std::fs::read_dir(dir).unwrap().count(), "files in {dir}");
        for (name, sql) in statements.all() {
            assert!(!sql.contains(['{', '}']), "{name}: {sql}");
        }
    }
}
