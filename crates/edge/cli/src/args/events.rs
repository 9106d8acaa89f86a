//! The command line of `despatch events`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Print events as they are published, until Ctrl-C.
    ///
    /// With -v also every id, subject and trace.
    Tail(TailArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// An order, or a subject such as 'payment.*' or 'dead.>' [default: every event and dead letter].
    #[arg(value_name = "ORDER|SUBJECT")]
    pub(crate) filter: Option<String>,
    /// Print a JSON object for each event, a line each.
    #[arg(long)]
    pub(crate) json: bool,
}
