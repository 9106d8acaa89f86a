//! The doctor finds the defects of a deployment, names them, and says what to do.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use despatch_runtime::doctor::{Check, Grade, examine};
use despatch_runtime::{Settings, migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};

use crate::fixture::Fixture;

/// A deployment without processes, so that none corrects it.
struct Deployment {
    env: TestEnv,
    fixture: Fixture,
}

impl Deployment {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let fixture = Fixture::new(&env).await;
        migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
        provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
        Deployment { env, fixture }
    }

    async fn jetstream(&self) -> jetstream::Context {
        let (servers, options) = despatch_runtime::nats_options(&self.env.settings().nats_url).unwrap();
        jetstream::new(options.connect(servers).await.unwrap())
    }

    fn stream(&self) -> String {
        format!("DESPATCH_{}", self.env.settings().namespace)
    }

    /// Changes the database, and returns the only finding.
    async fn after(&self, sql: &str) -> Check {
        self.env.db().await.batch_execute(sql).await.unwrap();
        self.only_finding().await
    }

    async fn examined(&self) -> Vec<Check> {
        examine(self.env.settings(), &[self.fixture.worker()]).await
    }

    async fn only_finding(&self) -> Check {
        let mut findings = wrong(self.examined().await);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        findings.remove(0)
    }
}

/// The findings, except those about processes: there are none on purpose.
fn wrong(checks: Vec<Check>) -> Vec<Check> {
    let absent = |check: &Check| check.subject == "processes of fixture" && check.found == "none answers";
    checks.into_iter().filter(|check| check.grade != Grade::Ok && !absent(check)).collect()
}

fn assert_found(check: &Check, grade: Grade, subject: &str, found: &str, advice: &str) {
    assert_eq!((check.grade, check.subject.as_str()), (grade, subject), "{check:#?}");
    assert!(check.found.contains(found), "{found} in {check:#?}");
    assert!(check.advice.as_ref().unwrap().contains(advice), "{advice} in {check:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_deployment_is_all_right() {
    let deployment = Deployment::new().await;
    deployment.env.run(deployment.fixture.worker()).await;
    let checks = deployment.examined().await;
    assert!(checks.iter().all(|check| check.grade == Grade::Ok && check.advice.is_none()), "{checks:#?}");
    assert!(checks.iter().all(|check| !check.group.is_empty()), "{checks:#?}");
    let (processes, found) = ("processes of fixture", "1 process");
    assert!(checks.iter().any(|it| it.subject == processes && it.found == found), "{checks:#?}");
    let stream = format!("stream {}", deployment.stream());
    for subject in [
        "nats version",
        "nats JetStream",
        "nats storage",
        &stream,
        "stream probe",
        "consumer fixture-obey",
        "consumer fixture-buy",
        "schema fixture",
        "partitions fixture",
        "outbox batches fixture",
        "retries fixture",
        "timers fixture",
        "recovery fixture",
    ] {
        assert_eq!(
            checks.iter().filter(|check| check.subject == subject).count(),
            1,
            "{subject}: {checks:#?}"
        );
    }
    for ending in [" version", " durability", " clock"] {
        let of_postgres =
            checks.iter().filter(|it| it.subject.starts_with("postgres ") && it.subject.ends_with(ending));
        assert_eq!(of_postgres.count(), 1, "{ending}: {checks:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_consumer_is_found() {
    let deployment = Deployment::new().await;
    let jetstream = deployment.jetstream().await;
    jetstream.delete_consumer_from_stream("fixture-obey", deployment.stream()).await.unwrap();
    let finding = deployment.only_finding().await;
    assert_found(&finding, Grade::Failed, "consumer fixture-obey", "not there", "despatch provision");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_consumes_something_else_is_found() {
    let deployment = Deployment::new().await;
    let elsewhere = format!("{}.evt.order.placed", deployment.env.settings().namespace);
    let config = pull::Config {
        durable_name: Some("fixture-obey".into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(7),
        max_deliver: -1,
        max_ack_pending: 20_000,
        filter_subject: elsewhere.clone(),
        ..pull::Config::default()
    };
    deployment.jetstream().await.create_consumer_on_stream(config, deployment.stream()).await.unwrap();
    let finding = deployment.only_finding().await;
    assert_found(&finding, Grade::Failed, "consumer fixture-obey", &elsewhere, "despatch provision");
    assert!(finding.found.contains("ack_wait 7s"), "{finding:#?}");
    assert!(finding.expected.contains("ack_wait 3s"), "{finding:#?}");
    assert!(finding.expected.contains(".replay.fixture.obey"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_ahead_of_its_stream_is_found_and_created_again() {
    let deployment = Deployment::new().await;
    let (jetstream, stream) = (deployment.jetstream().await, deployment.stream());
    let stream = jetstream.get_stream(&stream).await.unwrap();
    let end = stream.cached_info().state.last_sequence;
    let ahead = end + 1000;
    let found = stream.consumer_info("fixture-obey").await.unwrap().config;
    stream.delete_consumer("fixture-obey").await.unwrap();
    let config = pull::Config {
        durable_name: Some("fixture-obey".into()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: ahead + 1 },
        ack_policy: found.ack_policy,
        ack_wait: found.ack_wait,
        max_deliver: found.max_deliver,
        max_ack_pending: found.max_ack_pending,
        filter_subjects: found.filter_subjects,
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap();
    let seen = async || stream.consumer_info("fixture-obey").await.unwrap().delivered.stream_sequence;
    assert_eq!(seen().await, ahead);
    let finding = deployment.only_finding().await;
    let said = format!("has seen message {ahead}");
    assert_found(&finding, Grade::Failed, "consumer fixture-obey", &said, "despatch provision");
    provision_all(deployment.env.settings(), &[deployment.fixture.worker()]).await.unwrap();
    // The doctor's probe was one more.
    assert_eq!(seen().await, end + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_found() {
    let deployment = Deployment::new().await;
    deployment.jetstream().await.delete_stream(deployment.stream()).await.unwrap();
    let subject = format!("stream {}", deployment.stream());
    let finding = deployment.only_finding().await;
    assert_found(&finding, Grade::Failed, &subject, "not there", "despatch provision");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_migration_is_found() {
    let deployment = Deployment::new().await;
    let finding = deployment.after("delete from fixture.migration where name = '0001_fixture'").await;
    assert_found(&finding, Grade::Failed, "schema fixture", "lacks 0001_fixture", "despatch migrate");
    let finding = deployment.after("drop schema fixture cascade").await;
    assert_found(
        &finding,
        Grade::Failed,
        "schema fixture",
        "lacks 0000_runtime, 0001_fixture",
        "despatch migrate",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition_is_found() {
    let deployment = Deployment::new().await;
    let next_week = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
                      where i.inhparent = 'fixture.journal'::regclass and c.relname like 'journal_w%'
                      order by 1 offset 1 limit 1";
    let partition: String = deployment.env.db().await.query_one(next_week, &[]).await.unwrap().get(0);
    let finding = deployment.after(&format!("drop table fixture.{partition}")).await;
    assert_found(&finding, Grade::Warning, "partitions fixture", &partition, "despatch migrate");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_done_in_time_is_found() {
    let deployment = Deployment::new().await;
    let open = "insert into fixture.outbox_batch (handler, events, opened_at)
                values ('fixture.obey', '{}', despatch_now() - interval '2 hours'), ('fixture.obey', '{}', despatch_now())";
    let finding = deployment.after(open).await;
    assert_found(
        &finding,
        Grade::Warning,
        "outbox batches fixture",
        "1 late, the oldest 2h 0m",
        "despatch run fixture",
    );
    let retry = "delete from fixture.outbox_batch;
                 insert into fixture.retry values (gen_random_uuid(), 'fixture.obey', despatch_now() - interval '3 days')";
    let finding = deployment.after(retry).await;
    assert_found(
        &finding,
        Grade::Warning,
        "retries fixture",
        "1 late, the oldest 3d 0h",
        "despatch run fixture",
    );
    let timer = "delete from fixture.retry;
                 insert into fixture.timer values ('k', despatch_now() - interval '10 minutes', 'x', 'o', '', '')";
    let finding = deployment.after(timer).await;
    assert_found(
        &finding,
        Grade::Warning,
        "timers fixture",
        "1 late, the oldest 10m",
        "despatch run fixture",
    );
    let recovery = "delete from fixture.timer;
                    insert into fixture.stream_checkpoint (created, stored_until, settled_until) values (1, despatch_now(), despatch_now() - interval '5 hours')";
    let finding = deployment.after(recovery).await;
    assert_found(&finding, Grade::Warning, "recovery fixture", "but the last 5h 0m", "despatch run fixture");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_leaves_nothing_behind() {
    let deployment = Deployment::new().await;
    let before = deployment.env.stream().await.cached_info().state.clone();
    assert_eq!(wrong(deployment.examined().await), []);
    let after = deployment.env.stream().await.cached_info().state.clone();
    assert_eq!((after.messages, after.last_sequence), (before.messages, before.last_sequence + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_takes_nothing_is_found() {
    let deployment = Deployment::new().await;
    let jetstream = deployment.jetstream().await;
    let stream = jetstream.get_stream(deployment.stream()).await.unwrap();
    // All its settings are as they have to be; it is full.
    let config = jetstream::stream::Config {
        max_messages: 1,
        discard: jetstream::stream::DiscardPolicy::New,
        ..stream.cached_info().config.clone()
    };
    jetstream.update_stream(&config).await.unwrap();
    let subject = format!("{}.evt.nobody.listens", deployment.env.settings().namespace);
    jetstream.publish(subject, "full".into()).await.unwrap().await.unwrap();
    let finding = deployment.only_finding().await;
    assert_found(
        &finding,
        Grade::Failed,
        "stream probe",
        "takes nothing: maximum messages exceeded",
        "Make room",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_say_how_they_are() {
    let deployment = Deployment::new().await;
    let absent = deployment.examined().await;
    let absent = absent.iter().find(|check| check.subject == "processes of fixture").unwrap();
    assert_found(absent, Grade::Warning, "processes of fixture", "none answers", "despatch run fixture");
    let process = deployment.env.run(deployment.fixture.worker()).await;
    deployment.env.run(deployment.fixture.worker()).await;
    let found = eventually("both processes answer", async || {
        let checks = deployment.examined().await;
        checks.into_iter().find(|it| it.subject == "processes of fixture" && it.found == "2 processes")
    });
    assert_eq!(found.await.grade, Grade::Ok);
    // The database's clock goes ahead by more than two minutes, and with it stay all the processes' own behind.
    deployment.env.advance(Duration::from_secs(150)).await;
    let skewed = eventually("both clocks are found to be behind", async || {
        let checks = deployment.examined().await;
        let skewed: Vec<Check> =
            checks.into_iter().filter(|it| it.found.contains("2 minutes behind the database's")).collect();
        (skewed.len() == 2).then_some(skewed)
    });
    for check in skewed.await {
        let subject = check.subject.clone();
        assert_found(&check, Grade::Warning, &subject, "NTP", "The rest of its work");
    }
    assert!(process.health().is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_user_is_no_server_that_is_away() {
    let deployment = Deployment::new().await;
    let Settings { nats_url, database_url, namespace, .. } = deployment.env.settings().clone();
    let with = |url: &str, user: &str| {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        format!("{scheme}://{user}@{host}")
    };
    let settings = Settings {
        namespace,
        ..Settings::new(with(&nats_url, "ada:secret"), with(&database_url, "ada:secret"))
    };
    let findings = wrong(examine(&settings, &[]).await);
    assert!(!format!("{findings:?}").contains("secret"), "{findings:#?}");
    let [nats, postgres] = &findings[..] else { panic!("{findings:#?}") };
    let refused = "it refused user \"ada\"";
    let advice = "Correct the user or its password in";
    assert_found(
        nats,
        Grade::Failed,
        &nats.subject,
        refused,
        &format!("{advice} nats_url (DESPATCH_NATS_URL)."),
    );
    assert_found(postgres, Grade::Failed, &postgres.subject, refused, &format!("{advice} database_url"));
    assert_eq!((nats.expected.as_str(), postgres.expected.as_str()), ("it lets us in", "it lets us in"));

    // A command says the same.
    let error = despatch_runtime::provision_all(&settings, &[]).await.unwrap_err();
    assert!(error.to_string().ends_with("refused user \"ada\": authorization violation"), "{error}");
    let hint = despatch_runtime::connect_hint(&error).unwrap();
    assert_eq!(hint, "correct the user or its password in nats_url (DESPATCH_NATS_URL)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_told_from_a_server_that_is_not() {
    let deployment = Deployment::new().await;
    let (server, _) = deployment.env.settings().database_url.rsplit_once('/').unwrap();
    let db = despatch_runtime::Database::new(&format!("{server}/no_such_shop"), 1).unwrap();
    let error = db.client().await.map(drop).unwrap_err();
    assert!(error.to_string().ends_with("has no database \"no_such_shop\""), "{error}");
    assert!(despatch_runtime::connect_hint(&error).unwrap().contains("createdb no_such_shop"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_told_from_one_that_is_away() {
    // It takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let settings = Settings::new(format!("nats://{address}"), format!("postgres://ada@{address}/shop"));
    let findings = wrong(examine(&settings, &[]).await);
    let [nats, postgres] = &findings[..] else { panic!("{findings:#?}") };
    assert_found(nats, Grade::Failed, &format!("nats {address}"), "did not answer within 5s", "firewall");
    assert_found(
        postgres,
        Grade::Failed,
        &format!("postgres {address}/shop"),
        "did not answer within 5s",
        "firewall",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_away_are_findings() {
    // Nothing listens there.
    let settings = Settings::new("nats://ada:secret@127.0.0.1:1", "postgres://ada:secret@127.0.0.1:1/shop");
    let findings = wrong(examine(&settings, &[]).await);
    let [nats, postgres] = &findings[..] else { panic!("{findings:#?}") };
    let refused = "it is not reachable: connection refused";
    assert_found(nats, Grade::Failed, "nats 127.0.0.1:1", refused, "Start the server");
    assert_found(postgres, Grade::Failed, "postgres 127.0.0.1:1/shop", refused, "Start the server");
    assert!(!format!("{findings:?}").contains("secret"), "{findings:#?}");
}
