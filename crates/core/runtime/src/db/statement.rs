//! Checks on a statement's text: whether it writes, and whether it can be batched.

use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

use deadpool_postgres::Object;

use crate::db::error::DbError;

/// A query that the events of a batch share. Its parameters are arrays with an element for each event, to be unnested
/// `with ordinality`. The column `n` of each row is the position of its event, from 1.
///
/// A worker [registers](crate::Worker::queries) its batched queries, so that a mistake in one is found when the worker
/// starts.
#[derive(Debug, Clone, Copy)]
pub struct BatchedQuery(&'static str);

impl BatchedQuery {
    /// Creates a query from its text.
    pub const fn new(sql: &'static str) -> Self {
        BatchedQuery(sql)
    }

    /// Returns the text.
    pub fn sql(&self) -> &'static str {
        self.0
    }

    /// Prepares the query and checks that it only reads and returns a column `n` of type `bigint`.
    pub(crate) async fn check(&self, client: &Object) -> Result<(), DbError> {
        reads(self.0)?;
        let statement = client.prepare(self.0).await?;
        let n = statement.columns().iter().find(|column| column.name() == "n");
        if n.is_some_and(|column| *column.type_() == tokio_postgres::types::Type::INT8) {
            Ok(())
        } else {
            Err(DbError::Misuse(format!(
                "expected a batched query with a column n of type bigint, the position of a row's event, found: {}",
                beginning(self.0)
            )))
        }
    }
}

/// Texts of the batched queries that workers have registered.
static REGISTERED: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

/// Registers batched queries.
pub(crate) fn register(queries: &[BatchedQuery]) {
    REGISTERED.write().unwrap_or_else(PoisonError::into_inner).extend(queries.iter().map(|query| query.0));
}

/// Returns the text of a batched query; an error if no worker has registered it, because then it is unchecked.
pub(crate) fn registered(query: BatchedQuery) -> Result<&'static str, DbError> {
    if REGISTERED.read().unwrap_or_else(PoisonError::into_inner).contains(query.0) {
        return Ok(query.0);
    }
    Err(DbError::Misuse(format!(
        "expected a batched query that is registered by Worker::queries, found: {}",
        beginning(query.0)
    )))
}

/// Texts of queries that are known to only read.
static READING: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

/// Returns an error for a statement that writes, because the writes of a reading call are not undone when its event is
/// rejected.
pub(crate) fn reads(sql: &'static str) -> Result<(), DbError> {
    if READING.read().unwrap_or_else(PoisonError::into_inner).contains(sql) {
        return Ok(());
    }
    if writes(sql) {
        return Err(DbError::Misuse(format!(
            "expected a statement that reads, found one that writes; use execute, execute_batched or returning: {}",
            beginning(sql)
        )));
    }
    READING.write().unwrap_or_else(PoisonError::into_inner).insert(sql);
    Ok(())
}

/// Returns whether a statement writes, by its words outside of quotes and comments. `for update` only locks.
fn writes(sql: &str) -> bool {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '\'' | '"' => rest[1..].find(next).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            letter if letter.is_alphabetic() || letter == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                words.push(rest[..end].to_ascii_lowercase());
                end
            }
            other => other.len_utf8(),
        };
        rest = &rest[skipped..];
    }
    words.iter().enumerate().any(|(place, word)| {
        let before = place.checked_sub(1).and_then(|before| words.get(before)).map(String::as_str);
        match word.as_str() {
            "insert" | "delete" | "merge" | "truncate" | "nextval" | "setval" => true,
            "update" => !matches!(before, Some("for" | "key")),
            _ => false,
        }
    })
}

fn beginning(sql: &str) -> String {
    sql.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_is_told_from_what_reads() {
        for sql in [
            "select 1",
            "select n from unnest($1::text[]) with ordinality as each(id, n) -- insert",
            "select 'insert into', \"update\" from t",
            "select * from t for update skip locked",
            "with a as (select 1) select updated_at, deleted from a for no key update",
        ] {
            assert!(!writes(sql), "{sql}");
        }
        for sql in [
            "insert into t values (1)",
            "INSERT INTO t values (1) returning id",
            "with gone as (delete from t returning id) select * from gone",
            "update t set a = 1",
            "select nextval('s')",
            "merge into t using s on true when matched then do nothing",
        ] {
            assert!(writes(sql), "{sql}");
        }
    }
}
