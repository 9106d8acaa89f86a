//! The process's limit of open files, of which each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most connections of a gateway, however many files may be open: each takes some memory too.
const CONNECTIONS: usize = 8192;

/// Raises the limit as far as the system allows. The usual one, 1024, is for programs that keep sets of files in an old form.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // A process that may not raise it has fewer connections.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Returns how many connections a gateway may have: half of the files. The other half is for databases, NATS and providers.
pub(crate) fn for_connections() -> usize {
    let files = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    (files / 2).clamp(1, CONNECTIONS)
}
