//! The rooms of a crate, which are the folders and files directly under its `src/`, and their order.
//!
//! A crate may declare the order in its Cargo.toml, lowest first:
//!
//! ```toml
//! [package.metadata.rooms]
//! order = [["error", "settings"], "telemetry", "db | nats", "journal"]
//! ```
//!
//! An entry is a floor. Imports lead to the same room or to a lower floor. Rooms joined by `|` share a floor and do not
//! know each other; a nested list makes one room of several. A crate that declares nothing must only have no circle
//! of rooms.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Each folder's or file's floor, and its room on that floor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    places: BTreeMap<String, Place>,
}

/// A room, by the number of its floor and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    floor: usize,
    room: usize,
}

impl Order {
    /// Parses the declaration; the error describes its defect.
    pub(crate) fn read(declared: &Value) -> Result<Self, String> {
        let mut places = BTreeMap::new();
        let floors = declared.as_array().ok_or("the order of rooms is no list")?;
        for (floor, entry) in floors.iter().enumerate() {
            for (room, names) in rooms(entry)?.into_iter().enumerate() {
                for name in names {
                    if places.insert(name.clone(), Place { floor, room }).is_some() {
                        return Err(format!("the order of rooms has `{name}` twice"));
                    }
                }
            }
        }
        Ok(Self { places })
    }

    /// Returns the crate's rooms that the order lacks, and the order's rooms that the crate lacks.
    pub(crate) fn differences<'a>(&'a self, rooms: &'a BTreeSet<String>) -> (Vec<&'a str>, Vec<&'a str>) {
        let undeclared = rooms.iter().filter(|room| !self.places.contains_key(*room)).map(String::as_str);
        let missing = self.places.keys().filter(|room| !rooms.contains(*room)).map(String::as_str);
        (undeclared.collect(), missing.collect())
    }

    /// Returns whether files of room `from` may import files of room `to`. A room without a place is reported
    /// elsewhere.
    pub(crate) fn allows(&self, from: &str, to: &str) -> bool {
        match (self.places.get(from), self.places.get(to)) {
            (Some(from), Some(to)) => from == to || to.floor < from.floor,
            _ => true,
        }
    }
}

/// Returns the rooms of a floor, each with the names of its folders and files.
fn rooms(entry: &Value) -> Result<Vec<Vec<String>>, String> {
    const NO_NAME: &str = "an entry of the order of rooms is neither a name nor a list of names";
    match entry {
        Value::String(names) => Ok(names.split('|').map(|name| vec![name.trim().to_owned()]).collect()),
        Value::Array(names) => {
            let room = names.iter().map(|name| name.as_str().map(str::to_owned).ok_or(NO_NAME));
            Ok(vec![room.collect::<Result<_, _>>()?])
        }
        _ => Err(NO_NAME.to_owned()),
    }
}

/// Returns the room of a file: `journal` for `src/journal/inbox.rs` and for `src/journal.rs`, where `dir` is `src`. The
/// crate's root is in none.
pub(crate) fn room_of<'a>(dir: &str, path: &'a str) -> &'a str {
    let inner = path.strip_prefix(dir).unwrap_or(path).trim_start_matches('/');
    let first = inner.split('/').next().unwrap_or(inner);
    first.strip_suffix(".rs").unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn imports_lead_to_the_same_room_or_a_lower_floor() {
        let order = Order::read(&json!([["error", "health"], "db | nats", "journal"])).unwrap();
        for (from, to, allowed) in [
            ("journal", "journal", true),
            ("journal", "db", true),
            ("journal", "error", true),
            ("db", "nats", false),
            ("db", "db", true),
            ("db", "journal", false),
            ("error", "health", true),
            ("health", "nats", false),
        ] {
            assert_eq!(order.allows(from, to), allowed, "{from} on {to}");
        }
    }

    #[test]
    fn an_order_names_each_room_once_and_every_room() {
        assert!(Order::read(&json!(["db", "nats | db"])).unwrap_err().contains("`db` twice"));
        assert!(Order::read(&json!("db")).is_err());
        assert!(Order::read(&json!(["db", 3])).is_err());
        let order = Order::read(&json!(["db", "nats"])).unwrap();
        let rooms = BTreeSet::from(["db", "journal"].map(str::to_owned));
        assert_eq!(order.differences(&rooms), (vec!["journal"], vec!["nats"]));
    }

    #[test]
    fn a_room_is_a_folder_or_a_file() {
        assert_eq!(room_of("crates/a/src", "crates/a/src/journal/inbox.rs"), "journal");
        assert_eq!(room_of("crates/a/src", "crates/a/src/journal.rs"), "journal");
    }
}
