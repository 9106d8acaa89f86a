//! The files of a new worker. `templates/worker` has the layout of its crate.

use super::names::Names;
use crate::error::TaskError;
use crate::repository::Repository;

/// Each file of the crate with its text.
const CRATE: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../../templates/worker/Cargo.toml")),
    ("default.toml", include_str!("../../templates/worker/default.toml")),
    ("migrations/0001_{{name}}.sql", include_str!("../../templates/worker/migrations/0001.sql")),
    ("src/lib.rs", include_str!("../../templates/worker/src/lib.rs")),
    ("src/config.rs", include_str!("../../templates/worker/src/config.rs")),
    ("src/error.rs", include_str!("../../templates/worker/src/error.rs")),
    ("src/note.rs", include_str!("../../templates/worker/src/note.rs")),
    ("src/store.rs", include_str!("../../templates/worker/src/store.rs")),
    ("tests/{{name}}.rs", include_str!("../../templates/worker/tests/worker.rs")),
];

const PROTO: &str = include_str!("../../templates/worker/events.proto");

/// Writes the crate and its event.
pub(crate) fn write(names: &Names, repository: &mut Repository) -> Result<(), TaskError> {
    for (file, text) in CRATE {
        repository.write(&format!("{}/{}", names.dir(), names.fill(file)), names.fill(text))?;
    }
    repository.write(&format!("proto/despatch/{}/v1/events.proto", names.name), names.fill(PROTO))
}
