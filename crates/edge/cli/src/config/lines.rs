//! In which line of a file each key is.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::Key;

/// A line that is not TOML, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) text: String,
}

/// The line of every table, list entry and value, the first being 1; or every place that is not TOML.
pub(super) fn lines(text: &str) -> Result<BTreeMap<Key, usize>, Vec<SyntaxError>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut lines = BTreeMap::new();
        table(text, document.get_ref(), &Key::default(), &mut lines);
        return Ok(lines);
    }
    let wrong = errors.iter().map(|error| SyntaxError {
        line: line(text, error.span().map_or(0, |span| span.start)),
        text: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
    });
    Err(wrong.collect())
}

fn table(text: &str, table: &DeTable<'_>, path: &Key, lines: &mut BTreeMap<Key, usize>) {
    for (name, value) in table {
        let key = path.name(name.get_ref());
        lines.insert(key.clone(), line(text, name.span().start));
        inside(text, value, &key, lines);
    }
}

fn inside(text: &str, value: &Spanned<DeValue<'_>>, key: &Key, lines: &mut BTreeMap<Key, usize>) {
    match value.get_ref() {
        DeValue::Table(values) => table(text, values, key, lines),
        DeValue::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                let key = key.index(at);
                lines.insert(key.clone(), line(text, value.span().start));
                inside(text, value, &key, lines);
            }
        }
        _ => {}
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_line() {
        let text = "nats_url = \"\"\n\n[labels.sender]\nname = \"B\"\n\n[[labels.rules]]\ncarrier = \"own\"\n\n\
                    [[labels.rules]]\ncarrier = \"shippo\"\ncountries = [\n  \"DE\",\n  \"AT\",\n]\n";
        let lines = lines(text).unwrap();
        for (key, line) in [
            ("nats_url", 1),
            ("labels.sender", 3),
            ("labels.sender.name", 4),
            ("labels.rules[0]", 6),
            ("labels.rules[0].carrier", 7),
            ("labels.rules[1]", 9),
            ("labels.rules[1].carrier", 10),
            ("labels.rules[1].countries[1]", 13),
        ] {
            assert_eq!(lines.get(&Key::parse(key)), Some(&line), "{key}");
        }
    }

    #[test]
    fn everything_that_is_not_toml_is_found() {
        let wrong = lines("a = 1\nb = \nc = 2\nd = \"x\n").unwrap_err();
        let found: Vec<_> = wrong.iter().map(|error| error.line).collect();
        assert_eq!(found, [2, 4], "{wrong:?}");
        assert!(wrong.iter().all(|error| !error.text.is_empty()), "{wrong:?}");
    }
}
