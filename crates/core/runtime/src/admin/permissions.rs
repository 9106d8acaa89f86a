//! Permissions at the broker, by what each worker registers. Each worker has a user that can publish what its handlers
//! emit and pull from its own consumers. Only the provisioner creates the stream and consumers.

use std::collections::BTreeSet;

use despatch_contracts::runtime::{DeadLetter, Replay, Settled};
use despatch_contracts::{Event, event_subject};

use crate::nats::{Names, inbox, probe_subject};
use crate::worker::Worker;

/// The permissions of one user at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// The worker, `provisioner` or `operator`.
    pub user: String,
    /// Subjects to which the user may publish.
    pub publish: Vec<String>,
    /// Subjects to which the user may subscribe.
    pub subscribe: Vec<String>,
    /// Whether the user may answer requests that it receives.
    pub answers: bool,
}

/// Returns the permissions of every user: one user for each worker, one for the provisioner, and one for operators, who
/// may do everything. `namespace` is the deployment's; empty for none.
pub fn permissions(namespace: &str, workers: &[Worker]) -> Vec<Permissions> {
    let names = Names::new(namespace);
    let mut users: Vec<Permissions> = workers.iter().map(|worker| of_worker(&names, worker)).collect();
    let api = |request: &str| format!("$JS.API.{request}");
    let stream = &names.stream;
    users.push(Permissions {
        user: "provisioner".to_owned(),
        publish: ["CREATE", "UPDATE", "INFO"]
            .map(|request| api(&format!("STREAM.{request}.{stream}")))
            .into_iter()
            .chain([
                api("INFO"),
                api(&format!("CONSUMER.*.{stream}.>")),
                api(&format!("CONSUMER.*.*.{stream}.>")),
            ])
            .collect(),
        subscribe: vec![format!("{}.>", inbox("provisioner"))],
        answers: false,
    });
    users.push(Permissions {
        user: "operator".to_owned(),
        publish: vec![">".to_owned()],
        subscribe: vec![">".to_owned()],
        answers: true,
    });
    users
}

fn of_worker(names: &Names, worker: &Worker) -> Permissions {
    let stream = &names.stream;
    let mut publish = BTreeSet::new();
    let emitted =
        worker.specs().flat_map(|spec| spec.emits.iter().copied()).chain(worker.emits.iter().copied());
    for event_type in emitted {
        match event_type {
            // A replay may address any handler.
            Replay::TYPE => publish.insert(names.full("replay.>")),
            DeadLetter::TYPE | Settled::TYPE => false,
            other => publish.insert(names.full(&event_subject(other))),
        };
    }
    publish.insert(names.full(&format!("dead.{}.>", worker.name)));
    publish.insert(names.full(&probe_subject(worker.name)));
    for spec in worker.specs() {
        let consumer = Names::consumer(spec.name);
        for name in spec.names() {
            publish.insert(names.full(&format!("settled.{name}")));
            publish.insert(names.full(&despatch_contracts::replay_subject(name)));
        }
        publish.insert(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"));
        publish.insert(format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}"));
        publish.insert(format!("$JS.ACK.{stream}.{consumer}.>"));
    }
    // By these requests a worker detects that the stream has lost what it published. The third also reads any message
    // by its position.
    publish.insert(format!("$JS.API.STREAM.INFO.{stream}"));
    publish.insert(format!("$JS.API.CONSUMER.LIST.{stream}"));
    publish.insert(format!("$JS.API.STREAM.MSG.GET.{stream}"));
    Permissions {
        user: worker.name.to_owned(),
        publish: publish.into_iter().collect(),
        subscribe: vec![format!("{}.>", inbox(worker.name)), names.full(&Names::asks(worker.name))],
        answers: true,
    }
}
