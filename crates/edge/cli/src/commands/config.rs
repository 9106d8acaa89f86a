//! `despatch config`: the default configuration.

use crate::config::defaults;
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Prints the annotated file, or every key and its default as JSON.
pub(crate) fn print_defaults(registry: &Registry, as_json: bool) -> Result {
    let file = defaults(&registry.sections());
    if !as_json {
        return print(&file);
    }
    let table: toml::Table = file.parse()?;
    print(&format!("{:#}\n", serde_json::to_value(table)?))
}
