//! The number of instructions that an event costs in our own code, as callgrind counts them. No other load on the
//! machine changes it. It depends on the compiler and on the build profile.

use std::hint::black_box;
use std::process::{Command, ExitCode};

use clap::ValueEnum as _;
use despatch_contracts::runtime::{Envelope, FollowOns};
use despatch_contracts::{Emitted, EventId, Trace};
use prost::Message as _;
use uuid::Uuid;

use crate::load::steps::Parcel;
use crate::measure::report::Report;
use crate::options::Options;
use crate::result::Result;

/// A path that every event takes in our own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HotPath {
    /// A follow-on gets its id and address.
    Address,
    /// An event becomes headers, and the row that the journal keeps of it.
    Encode,
    /// Headers become an event with its id and its place in a trace.
    Read,
}

impl std::fmt::Display for HotPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            HotPath::Address => "address",
            HotPath::Encode => "encode",
            HotPath::Read => "read",
        })
    }
}

pub(crate) fn limit(text: &str) -> Result<(HotPath, u64), String> {
    let (path, limit) = text.split_once('=').ok_or("expected PATH=N")?;
    Ok((clap::ValueEnum::from_str(path, false)?, limit.parse().map_err(|_| "expected a number after =")?))
}

/// How often a path is taken in the two runs. The difference of their instructions counts, so starting and ending are
/// not included.
const TIMES: [u32; 2] = [500, 1_500];

/// `bench instructions`.
pub(crate) fn command(options: &Options, at_most: &[(HotPath, u64)]) -> Result<ExitCode> {
    let mut report = Report::new("instructions");
    let mut exceeded = false;
    for path in HotPath::value_variants() {
        let [once, again] = TIMES.map(|times| count(*path, times));
        let each = again?.saturating_sub(once?) / u64::from(TIMES[1] - TIMES[0]);
        report.field(&path.to_string(), each);
        report.line(&path.to_string(), format_args!("{each} instructions"));
        for (_, limit) in at_most.iter().filter(|(limited, limit)| limited == path && each > *limit) {
            eprintln!("bench: {path} takes {each} instructions; at most {limit} are allowed");
            exceeded = true;
        }
    }
    report.print(options.json)?;
    Ok(if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns the instructions of a process that takes the path this many times.
fn count(path: HotPath, times: u32) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    let output = valgrind.args(["hot-path", &path.to_string(), &times.to_string()]).output();
    let output = output.map_err(|error| format!("valgrind, which counts instructions: {error}"))?;
    let output_text = String::from_utf8_lossy(&output.stderr);
    let counted = output_text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    counted.ok_or_else(|| format!("valgrind counted nothing ({}): {output_text}", output.status).into())
}

/// Takes a path, for [`count`].
pub(crate) fn take(path: HotPath, times: u32) {
    let (id, trace) = (EventId::new(), Trace::root());
    let event = || Parcel::new(Uuid::nil()).event(0);
    let envelope = Envelope::first(id, "payments.capture", event(), &trace);
    let (headers, payload) = (envelope.headers(), envelope.payload.clone());
    for _ in 0..times {
        match path {
            HotPath::Address => {
                let Emitted { event_type, .. } = event();
                let id = id.follow_on("payments.capture", event_type, 0);
                black_box(Envelope::of(id, "payments.capture", event(), &trace));
            }
            HotPath::Encode => {
                black_box(envelope.headers());
                black_box(FollowOns { messages: vec![envelope.clone()] }.encode_to_vec());
            }
            HotPath::Read => {
                let read = Envelope::read(&envelope.nats_subject, &headers, payload.clone());
                let read = read.map(|envelope| (envelope.id(), envelope.trace().child()));
                let _ = black_box(read);
            }
        }
    }
}
