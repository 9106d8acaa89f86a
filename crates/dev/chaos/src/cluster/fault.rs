//! The faults of a cluster, in the order in which they come.

use std::fmt;

/// A server that a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The NATS server that leads the stream.
    NatsLeader,
    /// A NATS server that does not lead the stream, though it leads some of the consumers.
    NatsFollower,
    /// The PostgreSQL primary.
    Primary,
    /// A PostgreSQL standby.
    Standby,
}

/// How a server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// `kill -9`.
    Kill,
    /// SIGSTOP: its connections stay open, and it says nothing.
    Stop,
    /// Everything to and from it disappears.
    Swallow,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing, to see what the machine does by itself.
    Nothing,
    /// A server fails.
    Server(Means, Role),
    /// The primary is killed while batches of waiting events are in flight.
    KillPrimaryMidBatch,
    /// The disk of the NATS server that leads the stream is full.
    FullNats,
    /// The disk of the primary is full.
    FullPrimary,
    /// The disk under the log of every process is full.
    FullLog,
    /// A gateway has no descriptor left.
    NoDescriptors,
    /// A gateway's clock is 40 days behind, and that of a process with workers 40 days ahead.
    WrongClocks,
    /// Stripe refuses the key that the workers have.
    RotatedKey,
}

impl Fault {
    /// Returns every fault.
    pub(crate) fn all() -> Vec<Fault> {
        let mut all = vec![Fault::Nothing];
        for role in [Role::NatsLeader, Role::NatsFollower, Role::Primary, Role::Standby] {
            all.extend([Means::Kill, Means::Stop, Means::Swallow].map(|means| Fault::Server(means, role)));
        }
        all.extend([
            Fault::KillPrimaryMidBatch,
            Fault::FullNats,
            Fault::FullPrimary,
            Fault::FullLog,
            Fault::NoDescriptors,
            Fault::WrongClocks,
            Fault::RotatedKey,
        ]);
        all
    }

    /// Returns whether the fault needs disks of its own.
    pub(crate) fn fills_a_disk(self) -> bool {
        matches!(self, Fault::FullNats | Fault::FullPrimary | Fault::FullLog)
    }

    /// Finds a fault by its name.
    pub(crate) fn parse(name: &str) -> Result<Fault, String> {
        let found = Fault::all().into_iter().find(|fault| fault.to_string() == name);
        found.ok_or_else(|| format!("expected one of `chaos cluster --list`, found {name}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nothing => f.pad("nothing"),
            Fault::Server(means, role) => f.pad(&format!("{means}-{role}")),
            Fault::KillPrimaryMidBatch => f.pad("kill-primary-mid-batch"),
            Fault::FullNats => f.pad("full-nats"),
            Fault::FullPrimary => f.pad("full-primary"),
            Fault::FullLog => f.pad("full-log"),
            Fault::NoDescriptors => f.pad("no-descriptors"),
            Fault::WrongClocks => f.pad("wrong-clocks"),
            Fault::RotatedKey => f.pad("rotated-key"),
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Means::Kill => "kill",
            Means::Stop => "stop",
            Means::Swallow => "swallow",
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::NatsLeader => "nats-leader",
            Role::NatsFollower => "nats-follower",
            Role::Primary => "primary",
            Role::Standby => "standby",
        })
    }
}
