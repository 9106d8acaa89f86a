//! PostgreSQL: is it there, is it new enough, does it keep what it confirms, and is every worker's schema as it has to
//! be.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use despatch_domain::Reason;
use futures_util::future::join_all;
use tokio_postgres::{Config, config};

use crate::admin::doctor::check::{ANSWER_TIMEOUT, Check, Grade, bounded, sentence, span};
use crate::admin::outages::{Outage, list_outages};
use crate::db::{Database, DbError};
use crate::journal::{migrate, partitions};
use crate::settings::Settings;
use crate::worker::Worker;

/// The oldest that has every feature of the statements.
const OLDEST: i32 = 14;

/// The difference of the clocks from which an operator should look.
const SKEW: Duration = Duration::from_secs(2);

/// How long after its time a retry or a timer may still be there.
const LATE: Duration = Duration::from_secs(60);

/// Longest time since which nothing is known to be settled by all consumers.
const UNSETTLED: Duration = Duration::from_secs(3600);

/// How many times the sweeping age an outbox batch may reach.
const SWEEPS: u32 = 5;

pub(crate) async fn examine(settings: &Settings, workers: &[Worker]) -> Vec<Check> {
    let mut databases: BTreeMap<&str, Vec<&Worker>> = BTreeMap::from([(&*settings.database_url, Vec::new())]);
    for worker in workers {
        databases.entry(settings.database_of(worker.name)).or_default().push(worker);
    }
    // If every worker has a database of its own, the common one is not used.
    databases.retain(|_, users| workers.is_empty() || !users.is_empty());
    let examined = databases.iter().map(|(url, workers)| one(settings, url, workers));
    join_all(examined).await.into_iter().flatten().collect()
}

/// One database, and the workers that keep their schemas in it.
async fn one(settings: &Settings, url: &str, workers: &[&Worker]) -> Vec<Check> {
    let place = format!("postgres {}", place(url));
    let mut checks = Vec::new();
    let db = match connect(url).await {
        Ok(db) => {
            checks.push(Check::ok(&place, "it answers", answer()));
            db
        }
        Err(None) => {
            let advice = "Set database_url (DESPATCH_DATABASE_URL), or start `despatch up`, which brings its own server.";
            return vec![Check::ok(place, "no URL is configured", answer()).but(Grade::Failed, advice)];
        }
        Err(Some(error)) => {
            let key = key(settings, url);
            let (found, expected, advice) = match error {
                DbError::Connect(error) => {
                    let expected = if error.answered() { "it lets us in".to_owned() } else { answer() };
                    (format!("it {}", error.what()), expected, sentence(&error.hint_about(&key)))
                }
                error => (error.to_string(), answer(), format!("Correct {key}.")),
            };
            return vec![Check::ok(place, found, expected).but(Grade::Failed, advice)];
        }
    };
    bounded(&place, &mut checks, async |checks| {
        checks.push(version(&db, &place).await.unwrap_or_else(|error| unanswered(&place, "version", &error)));
        checks.push(
            durability(&db, &place).await.unwrap_or_else(|error| unanswered(&place, "durability", &error)),
        );
        checks.push(clock(&db, &place).await.unwrap_or_else(|error| unanswered(&place, "clock", &error)));
        for worker in workers {
            let mut found = Vec::new();
            if let Err(error) = schema(settings, &db, worker, &mut found).await {
                found.push(unanswered(&format!("schema {}", worker.name), "tables", &error));
            }
            checks.extend(found.into_iter().map(|check| check.of(worker.name)));
        }
    })
    .await;
    checks
}

fn answer() -> String {
    format!("an answer within {ANSWER_TIMEOUT:?}")
}

/// Where a database is, without the password that its URL may hold.
fn place(url: &str) -> String {
    let Ok(config) = Config::from_str(url) else { return String::new() };
    let host = match config.get_hosts().first() {
        Some(config::Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(config::Host::Unix(path)) => path.display().to_string(),
        None => return String::new(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

/// The key of a database's URL.
fn key(settings: &Settings, url: &str) -> String {
    let moved = settings.worker_database_urls.iter().find(|(_, moved)| *moved == url);
    match moved {
        Some((worker, _)) if settings.database_url != url => format!("databases.{worker}"),
        _ => "database_url (DESPATCH_DATABASE_URL)".to_owned(),
    }
}

/// A connection; `None` where no URL is configured.
async fn connect(url: &str) -> Result<Database, Option<DbError>> {
    if url.is_empty() {
        return Err(None);
    }
    let db = Database::read_only(url).map_err(Some)?;
    drop(db.client().await.map_err(Some)?);
    Ok(db)
}

fn unanswered(subject: &str, what: &str, error: &DbError) -> Check {
    let check = Check::ok(format!("{subject} {what}"), error.to_string(), "an answer");
    check.but(
        Grade::Failed,
        "See to it that the role of the URL may read there, and look at the server's log.",
    )
}

async fn version(db: &Database, place: &str) -> Result<Check, DbError> {
    let row = db
        .client()
        .await?
        .query_one("select current_setting('server_version_num')::int / 10000", &[])
        .await?;
    let found: i32 = row.get(0);
    let check = Check::ok(format!("{place} version"), found.to_string(), format!("{OLDEST} or newer"));
    Ok(if found >= OLDEST { check } else { check.but(Grade::Failed, "Upgrade PostgreSQL.") })
}

/// Whether a commit is kept when the machine loses its power.
async fn durability(db: &Database, place: &str) -> Result<Check, DbError> {
    let sql = "select current_setting('fsync'), current_setting('synchronous_commit')";
    let row = db.client().await?.query_one(sql, &[]).await?;
    let (fsync, commit): (&str, &str) = (row.get(0), row.get(1));
    let found = format!("fsync {fsync}, synchronous_commit {commit}");
    let check = Check::ok(format!("{place} durability"), found, "fsync on, synchronous_commit not off");
    if fsync == "on" && commit != "off" {
        return Ok(check);
    }
    let advice = "Set both to on: without them an order that was answered may be gone after a power cut.";
    Ok(check.but(Grade::Failed, advice))
}

/// Measures how far this machine's clock is from the server's. The time that the query itself took is not counted as a
/// difference.
async fn clock(db: &Database, place: &str) -> Result<Check, DbError> {
    let client = db.client().await?;
    let statement = client.prepare("select clock_timestamp()").await?;
    let (asked, started) = (SystemTime::now(), std::time::Instant::now());
    let row = client.query_one(&statement, &[]).await?;
    let half = started.elapsed() / 2;
    let apart = apart(row.get(0), asked + half).saturating_sub(half);
    let found = format!("{:.3}s apart at least", apart.as_secs_f64());
    let check = Check::ok(format!("{place} clock"), found, format!("less than {SKEW:?} from this machine's"));
    if apart < SKEW {
        return Ok(check);
    }
    let advice = "Run NTP on both machines. Ids and due times follow the database's clock; logs, and the ages that \
                  commands print, follow this machine's.";
    Ok(check.but(Grade::Warning, advice))
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

/// A worker's schema and what is in it.
async fn schema(
    settings: &Settings,
    db: &Database,
    worker: &Worker,
    checks: &mut Vec<Check>,
) -> Result<(), DbError> {
    let name = worker.name;
    let missing = migrate::missing(db, name, worker.migrations).await?;
    let steps = migrate::RUNTIME.len() + worker.migrations.len();
    let subject = format!("schema {name}");
    let expected = format!("all {steps} migrations applied");
    if missing.is_empty() {
        checks.push(Check::ok(subject, format!("{steps} applied"), expected));
    } else {
        let check = Check::ok(subject, format!("lacks {}", missing.join(", ")), expected);
        checks.push(check.but(Grade::Failed, "Run `despatch migrate`."));
    }
    if migrate::RUNTIME.iter().any(|step| missing.iter().any(|name| name == step.name)) {
        // Without the runtime's tables there is nothing to look into.
        return Ok(());
    }
    checks.push(partitions(db, name).await?);
    checks.push(outbox_batches(settings, db, name).await?);
    checks.push(due(db, name, "retry").await?);
    checks.push(due(db, name, "timer").await?);
    checks.extend(list_outages(db, name).await?.iter().map(|outage| out_of_service(name, outage)));
    checks.push(recovery(db, name).await?);
    Ok(())
}

async fn partitions(db: &Database, schema: &str) -> Result<Check, DbError> {
    let missing = partitions::missing_partitions(db, schema).await?;
    let (subject, expected) = (format!("partitions {schema}"), "those of this week and the next");
    if missing.is_empty() {
        return Ok(Check::ok(subject, "there", expected));
    }
    let advice = format!(
        "Run `despatch migrate`. A running `despatch run {schema}` makes them every hour; look at its log if it does run."
    );
    Ok(Check::ok(subject, format!("lacks {}", missing.join(", ")), expected).but(Grade::Warning, advice))
}

async fn outbox_batches(settings: &Settings, db: &Database, schema: &str) -> Result<Check, DbError> {
    let timeout = settings.sweep_after * SWEEPS;
    let sql = format!("select opened_at as since from {schema}.outbox_batch");
    let found = overdue(db, &sql, timeout).await?;
    let expected = format!("none older than {}", span(timeout));
    let advice = format!(
        "They hold events that may not be on the stream. See that `despatch run {schema}` runs and reaches NATS: it \
         publishes them."
    );
    Ok(found.check(format!("outbox batches {schema}"), expected, advice))
}

/// Finds retries or timers that the worker's scheduler should have taken long ago.
async fn due(db: &Database, schema: &str, table: &str) -> Result<Check, DbError> {
    // An event that a breaker holds is not late.
    let rows = match table {
        "retry" => format!("select due as since from {schema}.retry where held_by is null"),
        _ => format!("select due as since from {schema}.{table}"),
    };
    let found = overdue(db, &rows, LATE).await?;
    let (plural, expected) = match table {
        "retry" => ("retries", "each published within"),
        _ => ("timers", "each fired within"),
    };
    let advice = format!(
        "No process runs this worker's scheduler: start `despatch run {schema}`, or look at its log."
    );
    Ok(found.check(format!("{plural} {schema}"), format!("{expected} {} of its time", span(LATE)), advice))
}

/// Reports a provider that is out of service.
fn out_of_service(worker: &str, outage: &Outage) -> Check {
    let Outage { provider, state, reason, error, since, waiting, .. } = outage;
    let lasts = since.and_then(|since| SystemTime::now().duration_since(since).ok()).unwrap_or_default();
    let found = format!("{state} for {}: {error}; {waiting} events wait", span(lasts));
    let check = Check::ok(format!("breaker {worker} {provider}"), found, "closed: the provider serves us");
    if state == "half-open" {
        return check
            .but(Grade::Warning, "Wait: the provider answers again, and what waited goes on by itself.");
    }
    let advice = if *reason == Reason::ProviderRefused.code() {
        format!(
            "Correct the credentials and restart `despatch run {worker}`. `despatch exceptions list --reason {reason}` \
             has the case."
        )
    } else {
        format!(
            "Look at the provider's status page. What waits goes on by itself. `despatch exceptions list --reason \
             {reason}` has the case."
        )
    };
    check.but(Grade::Failed, advice)
}

/// Measures how far back the worker would have to publish again if NATS lost its store now.
async fn recovery(db: &Database, schema: &str) -> Result<Check, DbError> {
    // Before the first check it goes back to the beginning.
    let sql = format!(
        "select extract(epoch from despatch_now() - coalesce(
                    (select settled_until from {schema}.stream_checkpoint),
                    (select applied_at from {schema}.migration where name = '0000_runtime')))::float8"
    );
    let age: Option<f64> = db.client().await?.query_one(&sql, &[]).await?.get(0);
    let age = Duration::from_secs_f64(age.unwrap_or_default().max(0.0));
    let found = format!("everything recorded is known to be settled but the last {}", span(age));
    let expected = format!("less than {}", span(UNSETTLED));
    let check = Check::ok(format!("recovery {schema}"), found, expected);
    if age < UNSETTLED {
        return Ok(check);
    }
    let advice = format!(
        "Should NATS lose its store, this much is published again. See that `despatch run {schema}` runs, and which \
         consumer stands still or is gone (`nats consumer report`)."
    );
    Ok(check.but(Grade::Warning, advice))
}

/// How many rows there are that are too old, and the age of the oldest.
struct Overdue {
    count: i64,
    oldest: Option<f64>,
}

async fn overdue(db: &Database, rows: &str, timeout: Duration) -> Result<Overdue, DbError> {
    let sql = format!(
        "select count(*), extract(epoch from despatch_now() - min(since))::float8
           from ({rows}) as row where since < despatch_now() - $1::float8 * interval '1 second'"
    );
    let row = db.client().await?.query_one(&sql, &[&timeout.as_secs_f64()]).await?;
    Ok(Overdue { count: row.get(0), oldest: row.get(1) })
}

impl Overdue {
    fn check(&self, subject: String, expected: String, advice: String) -> Check {
        let Some(oldest) = self.oldest else { return Check::ok(subject, "none is late", expected) };
        let oldest = span(Duration::from_secs_f64(oldest.max(0.0)));
        let found = format!("{} late, the oldest {oldest}", self.count);
        Check::ok(subject, found, expected).but(Grade::Warning, advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_no_password() {
        assert_eq!(place("postgres://ada:secret@db.internal:6432/despatch"), "db.internal:6432/despatch");
        assert_eq!(place("host=db dbname=despatch password=secret"), "db:5432/despatch");
        assert_eq!(place("nonsense"), "");
    }
}
