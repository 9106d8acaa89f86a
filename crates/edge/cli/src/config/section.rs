//! The parts of the configuration that workers bring with them.

use toml::{Table, Value};

/// A worker's own table of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    /// The table's name, which is the worker's.
    pub(crate) name: &'static str,
    /// The table, `[name]`, annotated, with the default of every key.
    pub(crate) defaults: &'static str,
    /// Whether the worker can read such a table, and what is wrong if it cannot.
    pub(crate) check: fn(Value) -> Result<(), String>,
}

impl Section {
    /// The keys with their defaults.
    pub(super) fn table(&self) -> Result<Table, String> {
        let wrong = |what: String| format!("the defaults of {}: {what}", self.name);
        let mut whole: Table =
            self.defaults.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        match (whole.remove(self.name), whole.is_empty()) {
            (Some(Value::Table(table)), true) => Ok(table),
            _ => Err(wrong(format!("expected the table [{}] and nothing else", self.name))),
        }
    }
}
