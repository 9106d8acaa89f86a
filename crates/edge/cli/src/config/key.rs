//! Where a value is in the configuration: `labels.rules[0].carrier`.

use std::fmt;

use toml::Value;

/// A step from a table or a list to one of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// To a table's value.
    Name(String),
    /// To a list's.
    Index(usize),
}

/// The way from the top of the file to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Vec<Step>);

impl Key {
    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Self {
        let mut key = Key::default();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
                && let Ok(index) = index.parse()
            {
                key.0.push(Step::Index(index));
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
                key.0.push(Step::Name(name.to_owned()));
                rest = after;
            } else {
                // A bracket that opens no index is part of a name.
                let end = rest.char_indices().skip(1).find(|(_, letter)| ['.', '['].contains(letter));
                let (name, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
                key.0.push(Step::Name(name.to_owned()));
                rest = after;
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        key
    }

    /// A table's value.
    pub(crate) fn name(&self, name: &str) -> Self {
        self.with(Step::Name(name.to_owned()))
    }

    /// A list's value.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        Key(self.0.iter().cloned().chain([step]).collect())
    }

    /// The table or list that this is in; `None` at the top.
    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, parent)| Key(parent.to_vec()))
    }

    /// The steps from the top.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the other key's value or in it.
    pub(crate) fn is_in(&self, other: &Key) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value that is there.
    pub(crate) fn get<'v>(&self, from: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(from, |value, step| match step {
            Step::Name(name) => value.as_table()?.get(name),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// The value that is there, to be changed.
    pub(crate) fn get_mut<'v>(&self, from: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(from, |value, step| match step {
            Step::Name(name) => value.as_table_mut()?.get_mut(name),
            Step::Index(index) => value.as_array_mut()?.get_mut(*index),
        })
    }

    /// The environment variable that sets it; `None` where only the file can.
    pub(crate) fn variable(&self) -> Option<String> {
        let in_a_list = self.0.iter().any(|step| matches!(step, Step::Index(_)));
        let name = self.to_string().replace('.', "_").to_uppercase();
        (!in_a_list && !name.contains('"')).then(|| format!("DESPATCH_{name}"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) => {
                    let dot = if at == 0 { "" } else { "." };
                    if !name.is_empty() && name.chars().all(bare) {
                        write!(f, "{dot}{name}")?;
                    } else {
                        write!(f, "{dot}{name:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for text in ["nats_url", "labels.rules[0].carrier", "runtime.policies.\"labels.create\".attempts"] {
            assert_eq!(Key::parse(text).to_string(), text);
        }
        assert_eq!(Key::parse("a[b").steps(), [Step::Name("a".into()), Step::Name("[b".into())]);
        assert_eq!(Key::parse("stripe.base_url").variable().unwrap(), "DESPATCH_STRIPE_BASE_URL");
        assert_eq!(Key::parse("labels.rules[0].carrier").variable(), None);
    }
}
