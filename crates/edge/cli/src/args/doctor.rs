//! `despatch doctor`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Look only at this worker, and at what it needs; can be repeated.
    #[arg(long = "worker", value_name = "NAME")]
    pub(crate) workers: Vec<String>,
}
