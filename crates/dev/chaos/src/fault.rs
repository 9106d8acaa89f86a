//! Every kind of fault: its effect, and how its particulars are drawn.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use despatch_scenario::Rng;

use crate::fleet::FLEET;

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// `kill -9` of a worker's process, which is started again after a while.
    KillWorker,
    /// SIGSTOP of a worker's process, SIGCONT after a while, which may be longer than the broker waits for an ack.
    FreezeWorker,
    /// `kill -9` of a worker's process, which comes back with its clock up to 40 days ahead or behind, until it is killed once
    /// more.
    MoveClock,
    /// `kill -9` of NATS, which is started again after a while.
    KillNats,
    /// `kill -9` of PostgreSQL, which is started again after a while.
    KillPostgres,
    /// Every connection to NATS ends, and none is accepted for a while.
    CutNats,
    /// Every connection to PostgreSQL ends, and none is accepted for a while.
    CutPostgres,
    /// Everything to and from NATS is late for a while.
    DelayNats,
    /// Everything to and from PostgreSQL is late for a while.
    DelayPostgres,
    /// Nothing passes between the workers and NATS for a while, and no connection ends.
    StallNats,
    /// Nothing passes between the workers and PostgreSQL for a while, and no connection ends.
    StallPostgres,
    /// Half of the connections to NATS are closed in one direction only.
    HalfCloseNats,
    /// Half of the connections to PostgreSQL are closed in one direction only.
    HalfClosePostgres,
    /// A handler's consumer is deleted.
    DeleteConsumer,
    /// Messages of the stream are published again, in another order and past the broker's dedupe.
    RepeatMessages,
    /// NATS can store nothing more in the stream for a while.
    FillNats,
    /// PostgreSQL can write nothing for a while, as on a full disk: it panics and is started again.
    FillPostgres,
    /// The stream is deleted, with every message and consumer.
    DeleteStream,
    /// NATS is killed and comes back with an empty store.
    WipeNats,
    /// NATS is killed twice, and comes back the second time with its store of the first time. Acknowledged messages
    /// from in between are lost.
    RewindNats,
}

impl Kind {
    /// Every kind.
    pub(crate) fn all() -> impl Iterator<Item = Kind> {
        Kind::value_variants().iter().copied()
    }

    /// Returns its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A server that faults hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// The broker.
    Nats,
    /// The database.
    Postgres,
}

/// A fault with its particulars. Processes are named by their place in [`FLEET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    KillWorker {
        process: usize,
        down: Duration,
    },
    FreezeWorker {
        process: usize,
        lasts: Duration,
    },
    MoveClock {
        process: usize,
        hours: i64,
        lasts: Duration,
    },
    Kill {
        server: Server,
        down: Duration,
    },
    Cut {
        server: Server,
        lasts: Duration,
    },
    Delay {
        server: Server,
        by: Duration,
        lasts: Duration,
    },
    Stall {
        server: Server,
        lasts: Duration,
    },
    HalfClose {
        server: Server,
        towards_server: bool,
    },
    /// `pick` chooses among the consumers that exist then.
    DeleteConsumer {
        pick: usize,
    },
    /// `order` seeds the choice and the order.
    RepeatMessages {
        count: usize,
        order: u64,
    },
    Fill {
        server: Server,
        lasts: Duration,
    },
    DeleteStream,
    WipeNats {
        down: Duration,
    },
    RewindNats {
        by: Duration,
    },
}

impl Fault {
    /// Draws the particulars of a fault.
    pub(crate) fn draw(kind: Kind, rng: &mut Rng) -> Self {
        use Server::{Nats, Postgres};
        match kind {
            Kind::KillWorker => {
                Fault::KillWorker { process: rng.below(FLEET.len()), down: rng.millis(0..=4_000) }
            }
            Kind::FreezeWorker => {
                Fault::FreezeWorker { process: rng.below(FLEET.len()), lasts: rng.millis(100..=9_000) }
            }
            Kind::MoveClock => {
                let process = rng.below(FLEET.len());
                // Up to more than the journal's retention, from which on events count as expired.
                let hours = i64::try_from(rng.below(80 * 24)).unwrap_or_default() - 40 * 24;
                Fault::MoveClock { process, hours, lasts: rng.millis(1_000..=8_000) }
            }
            Kind::KillNats => Fault::Kill { server: Nats, down: rng.millis(0..=3_000) },
            Kind::KillPostgres => Fault::Kill { server: Postgres, down: rng.millis(0..=3_000) },
            Kind::CutNats => Fault::Cut { server: Nats, lasts: rng.millis(0..=3_000) },
            Kind::CutPostgres => Fault::Cut { server: Postgres, lasts: rng.millis(0..=3_000) },
            Kind::DelayNats => Fault::delay(Nats, rng),
            Kind::DelayPostgres => Fault::delay(Postgres, rng),
            Kind::StallNats => Fault::Stall { server: Nats, lasts: rng.millis(200..=5_000) },
            Kind::StallPostgres => Fault::Stall { server: Postgres, lasts: rng.millis(200..=5_000) },
            Kind::HalfCloseNats => Fault::HalfClose { server: Nats, towards_server: rng.below(2) == 0 },
            Kind::HalfClosePostgres => {
                Fault::HalfClose { server: Postgres, towards_server: rng.below(2) == 0 }
            }
            Kind::DeleteConsumer => Fault::DeleteConsumer { pick: rng.below(1 << 16) },
            Kind::RepeatMessages => {
                Fault::RepeatMessages { count: 1 + rng.below(200), order: rng.below(1 << 31) as u64 }
            }
            Kind::FillNats => Fault::Fill { server: Nats, lasts: rng.millis(200..=5_000) },
            Kind::FillPostgres => Fault::Fill { server: Postgres, lasts: rng.millis(200..=3_000) },
            Kind::DeleteStream => Fault::DeleteStream,
            Kind::WipeNats => Fault::WipeNats { down: rng.millis(0..=2_000) },
            Kind::RewindNats => Fault::RewindNats { by: rng.millis(200..=5_000) },
        }
    }

    /// Returns whether the broker loses what it acknowledged.
    pub(crate) fn loses_messages(&self) -> bool {
        matches!(self, Fault::DeleteStream | Fault::WipeNats { .. } | Fault::RewindNats { .. })
    }

    fn delay(server: Server, rng: &mut Rng) -> Self {
        Fault::Delay { server, by: rng.millis(5..=400), lasts: rng.millis(200..=4_000) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |process: &usize| FLEET[*process];
        match self {
            Fault::KillWorker { process, down } => {
                write!(f, "kill -9 {}, back after {down:?}", name(process))
            }
            Fault::FreezeWorker { process, lasts } => write!(f, "freeze {} for {lasts:?}", name(process)),
            Fault::MoveClock { process, hours, lasts } => {
                write!(f, "the clock of {} moves by {hours} h for {lasts:?}", name(process))
            }
            Fault::Kill { server, down } => write!(f, "kill -9 {server}, back after {down:?}"),
            Fault::Cut { server, lasts } => write!(f, "cut {server} off for {lasts:?}"),
            Fault::Delay { server, by, lasts } => write!(f, "delay {server} by {by:?} for {lasts:?}"),
            Fault::Stall { server, lasts } => write!(f, "stall {server} for {lasts:?}"),
            Fault::HalfClose { server, towards_server: true } => {
                write!(f, "half-close connections to {server}, at its end")
            }
            Fault::HalfClose { server, towards_server: false } => {
                write!(f, "half-close connections to {server}, at the workers' end")
            }
            Fault::DeleteConsumer { pick } => write!(f, "delete a consumer (pick {pick})"),
            Fault::RepeatMessages { count, .. } => write!(f, "publish {count} messages again, reordered"),
            Fault::Fill { server, lasts } => write!(f, "{server} is full for {lasts:?}"),
            Fault::DeleteStream => f.write_str("delete the stream"),
            Fault::RewindNats { by } => {
                write!(f, "kill -9 NATS twice, the second time it goes back by {by:?}")
            }
            Fault::WipeNats { down } => write!(f, "kill -9 NATS and wipe its store, back after {down:?}"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Server::Nats => "NATS",
            Server::Postgres => "PostgreSQL",
        })
    }
}
