//! Lays the operator's file and the environment over the defaults, key by key. Wrong values are left out and noted, so
//! that all can be reported at once.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::key::{Key, Step};
use super::lines::{SyntaxError, lines};
use super::origin::{Origin, Origins};
use super::problem::Problem;
use super::shape::Shape;
use despatch_domain::similar::did_you_mean;

/// Variables of the same prefix that are not keys of the file.
const OTHER_VARIABLES: &[&str] =
    &["DESPATCH_API_KEY", "DESPATCH_CONFIG", "DESPATCH_DATA_DIR", "DESPATCH_SANDBOX_TOKEN"];

/// The layers so far.
pub(super) struct Layers<'s> {
    shape: &'s Shape<'s>,
    merged: Value,
    pub(super) origins: Origins,
    pub(super) problems: Vec<Problem>,
    /// Keys whose values were left out.
    pub(super) wrong: Vec<Key>,
}

impl<'s> Layers<'s> {
    /// The defaults.
    pub(super) fn over_defaults(shape: &'s Shape<'s>, file: Option<String>) -> Self {
        Layers {
            shape,
            merged: Value::Table(shape.defaults.clone()),
            origins: Origins::new(file),
            problems: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Lays the operator's file over what there is.
    pub(super) fn lay_file(&mut self, text: &str) {
        match (lines(text), text.parse::<Table>()) {
            (Ok(lines), Ok(file)) => {
                self.lay(file, &|key: &Key| lines.get(key).copied().map_or(Origin::Default, Origin::File));
            }
            (Err(errors), _) => {
                for SyntaxError { line, text } in errors {
                    self.problems.push(Problem { at: Origin::File(line), key: "TOML".to_owned(), text });
                }
            }
            // Well-formed, and still not a value that can be held: a number that is too large.
            (Ok(_), Err(error)) => self.problems.push(Problem {
                at: Origin::File(error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1)),
                key: "TOML".to_owned(),
                text: error.message().to_owned(),
            }),
        }
    }

    /// Lays what a running deployment has over what there is.
    #[cfg(feature = "local")]
    pub(super) fn lay_running(&mut self, settings: Table) {
        self.lay(settings, &|_: &Key| Origin::Running);
    }

    /// Lays the environment over what there is.
    pub(super) fn lay_environment(&mut self, environment: impl Iterator<Item = (String, String)>) {
        let mut keys = BTreeMap::new();
        leaves(&self.shape.defaults, &Key::default(), &mut keys);
        for (name, text) in environment.filter(|(name, _)| name.starts_with("DESPATCH_")) {
            if OTHER_VARIABLES.contains(&name.as_str()) || name.starts_with("DESPATCH_TEST_") {
                continue;
            }
            let at = Origin::Variable(name.clone());
            let mut complain =
                |text: String| self.problems.push(Problem { at: at.clone(), key: name.clone(), text });
            let Some(key) = keys.get(&name) else {
                let known = keys.keys().map(String::as_str).chain(OTHER_VARIABLES.iter().copied());
                complain(format!("no such variable{}", did_you_mean(&name, known)));
                continue;
            };
            let Some(good) = self.shape.value(key) else { continue };
            match read(&text, good) {
                Err(expected) => {
                    complain(format!("expected {expected}, found {text:?}"));
                    self.wrong.push(key.clone());
                }
                Ok(value) => match self.shape.refusal(key, &value) {
                    Some(refusal) => {
                        complain(refusal);
                        self.wrong.push(key.clone());
                    }
                    None => self.set(key, value, at),
                },
            }
        }
    }

    /// The result of the layers. It can be read, because wrong values are not in it.
    pub(super) fn merged(&mut self) -> Table {
        for key in &self.wrong {
            // An entry without one of its values is none; a good one takes its place.
            let mut here = Some(key.clone());
            while let Some(at) = here {
                if self.is_entry(&at)
                    && let (Some(place), Some(good)) = (at.get_mut(&mut self.merged), self.shape.value(&at))
                {
                    *place = good.clone();
                }
                here = at.parent();
            }
        }
        self.merged.as_table().cloned().unwrap_or_default()
    }

    fn lay(&mut self, over: Table, origin: &dyn Fn(&Key) -> Origin) {
        for (name, value) in over {
            self.put(&Key::default().name(&name), value, origin);
        }
    }

    /// Puts a value in its place, if there is such a key and the value is good.
    fn put(&mut self, key: &Key, value: Value, origin: &dyn Fn(&Key) -> Origin) {
        let Some(good) = self.shape.value(key) else {
            return self.complain(key, origin, self.unknown(key, &value));
        };
        match (good, value) {
            (Value::Table(_), Value::Table(over)) => {
                if self.is_entry(key) && !self.begin_entry(key, &over, origin) {
                    return;
                }
                for (name, value) in over {
                    self.put(&key.name(&name), value, origin);
                }
            }
            (Value::Array(goods), Value::Array(over)) if goods.first().is_some_and(Value::is_table) => {
                self.set(key, Value::Array(vec![Value::Table(Table::new()); over.len()]), origin(key));
                for (at, value) in over.into_iter().enumerate() {
                    self.put(&key.index(at), value, origin);
                }
            }
            (good, value) if good.same_type(&value) => match self.shape.refusal(key, &value) {
                Some(refusal) => self.complain(key, origin, refusal),
                None => self.set(key, value, origin(key)),
            },
            (good, value) => {
                let text = format!("expected {}, found {}", kind(good), kind(&value));
                self.complain(key, origin, text);
            }
        }
    }

    /// Makes room for an entry; `false` where it lacks something.
    fn begin_entry(&mut self, key: &Key, over: &Table, origin: &dyn Fn(&Key) -> Origin) -> bool {
        let (missing, optional): (Vec<_>, Vec<_>) = {
            let needed = self.shape.needed(key);
            let all = self.shape.value(key).and_then(Value::as_table);
            let absent = all.into_iter().flat_map(Table::keys).filter(|name| !over.contains_key(*name));
            absent.cloned().partition(|name| needed.contains(name))
        };
        self.set(key, Value::Table(Table::new()), origin(key));
        if missing.is_empty() {
            return true;
        }
        let are = if missing.len() == 1 { "is" } else { "are" };
        let rest = if optional.is_empty() { "" } else { "; the rest may be left out" };
        self.complain(key, origin, format!("{} {are} needed{rest}", listed(&missing)));
        // The value that is there may be wrong too.
        for (name, value) in over {
            let key = key.name(name);
            match self.shape.value(&key) {
                None => self.complain(&key, origin, self.unknown(&key, value)),
                Some(good) if !good.same_type(value) => {
                    self.complain(&key, origin, format!("expected {}, found {}", kind(good), kind(value)));
                }
                Some(_) => {
                    if let Some(refusal) = self.shape.refusal(&key, value) {
                        self.complain(&key, origin, refusal);
                    }
                }
            }
        }
        false
    }

    fn unknown(&self, key: &Key, value: &Value) -> String {
        let what = if value.is_table() { "no such table" } else { "no such key" };
        let Some((Step::Name(name), table)) = key.steps().last().zip(key.parent()) else {
            return what.to_owned();
        };
        let table = if table.steps().is_empty() {
            Some(&self.shape.defaults)
        } else {
            self.shape.value(&table).and_then(Value::as_table)
        };
        let known = table.into_iter().flat_map(Table::keys).map(String::as_str);
        format!("{what}{}", did_you_mean(name, known))
    }

    fn complain(&mut self, key: &Key, origin: &dyn Fn(&Key) -> Origin, text: String) {
        self.problems.push(Problem { at: origin(key), key: key.to_string(), text });
        self.wrong.push(key.clone());
    }

    fn set(&mut self, key: &Key, value: Value, origin: Origin) {
        let table = key.parent().and_then(|parent| parent.get_mut(&mut self.merged));
        match (key.steps().last(), table) {
            (Some(Step::Name(name)), Some(Value::Table(table))) => {
                table.insert(name.clone(), value);
            }
            (Some(Step::Index(at)), Some(Value::Array(list))) => {
                if let Some(place) = list.get_mut(*at) {
                    *place = value;
                }
            }
            _ => {}
        }
        self.origins.note(key.clone(), origin);
    }

    /// Whether this is an entry of the operator's: of a list of tables, or in a table whose keys are theirs.
    fn is_entry(&self, key: &Key) -> bool {
        let in_a_list = matches!(key.steps().last(), Some(Step::Index(_)));
        in_a_list || key.parent().is_some_and(|table| self.shape.is_open(&table))
    }
}

/// Every key that can be set by a variable, by the variable's name.
fn leaves(table: &Table, path: &Key, keys: &mut BTreeMap<String, Key>) {
    for (name, value) in table {
        let key = path.name(name);
        match value {
            Value::Table(table) => leaves(table, &key, keys),
            _ => keys.extend(key.variable().map(|variable| (variable, key))),
        }
    }
}

/// Reads an environment variable as what a good value is.
fn read(text: &str, good: &Value) -> Result<Value, &'static str> {
    match good {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        Value::Array(items) if items.first().is_some_and(Value::is_table) => Err("it in the file only"),
        Value::Array(items) => {
            let numbers = items.first().is_some_and(Value::is_integer);
            let texts = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let values = texts.map(|item| match item.parse() {
                Ok(number) if numbers => Ok(Value::Integer(number)),
                Err(_) if numbers => Err("whole numbers separated by commas"),
                _ => Ok(Value::String(item.to_owned())),
            });
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => Err("it in the file only"),
    }
}

/// A value's type, for people.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a point",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time without quotes",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
