//! The rules of `words.txt`, and where a text breaks them.

use super::text;
use crate::sources;

/// One line of the list.
#[derive(Debug)]
pub(crate) struct Rule {
    patterns: Vec<Pattern>,
    /// Longer phrases in which the words may stand.
    allowed: Vec<Vec<String>>,
    place: Place,
    instead: String,
}

#[derive(Debug)]
enum Pattern {
    /// Consecutive words, in lower case.
    Words(Vec<String>),
    /// A name in Rust code.
    Name(String),
}

#[derive(Debug)]
enum Place {
    Everywhere,
    In(Vec<String>),
    Except(Vec<String>),
}

impl Rule {
    /// The paths that it names.
    pub(crate) fn paths(&self) -> &[String] {
        match &self.place {
            Place::Everywhere => &[],
            Place::In(paths) | Place::Except(paths) => paths,
        }
    }

    fn holds_in(&self, file: &str) -> bool {
        match &self.place {
            Place::Everywhere => true,
            Place::In(paths) => paths.iter().any(|path| covers(path, file)),
            Place::Except(paths) => !paths.iter().any(|path| covers(path, file)),
        }
    }
}

/// Whether `file` is `path` or lies below it.
pub(crate) fn covers(path: &str, file: &str) -> bool {
    file.strip_prefix(path.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with('.'))
}

/// Reads the list. The error names the line that is no rule.
pub(crate) fn read(list: &str) -> Result<Vec<Rule>, String> {
    let lines = list.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, number)| rule(line).ok_or_else(|| format!("line {number} is no rule: {line}")))
        .collect()
}

fn rule(line: &str) -> Option<Rule> {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let [what, place, instead] = parts.as_slice() else { return None };
    let mut what = what.split('!');
    let patterns = what.next()?.split(',').map(|pattern| pattern_of(pattern.trim())).collect();
    let allowed = what.map(spell).collect();
    let mut place = place.split_whitespace();
    let kind = place.next()?;
    let paths: Vec<String> = place.map(str::to_owned).collect();
    let place = match (kind, paths.is_empty()) {
        ("everywhere", true) => Place::Everywhere,
        ("in", false) => Place::In(paths),
        ("except", false) => Place::Except(paths),
        _ => return None,
    };
    Some(Rule { patterns, allowed, place, instead: (*instead).to_owned() })
}

fn pattern_of(pattern: &str) -> Pattern {
    if pattern.contains(|each: char| each.is_uppercase() || each == '_') {
        Pattern::Name(pattern.to_owned())
    } else {
        Pattern::Words(spell(pattern))
    }
}

fn spell(phrase: &str) -> Vec<String> {
    phrase.split_whitespace().map(str::to_owned).collect()
}

/// Returns the findings in a file. Its own path counts as text too.
pub(crate) fn check(rules: &[Rule], file: &str, text: &str) -> Vec<String> {
    let in_path = text::words(&file.replace(['/', '.'], "|"));
    let in_text = text::words(text);
    let names: Vec<(&str, usize)> =
        if sources::is_rust(file) { text::names(text).collect() } else { Vec::new() };
    let mut found = Vec::new();
    for rule in rules.iter().filter(|rule| rule.holds_in(file)) {
        for pattern in &rule.patterns {
            match pattern {
                Pattern::Words(words) => {
                    let phrase = words.join(" ");
                    if !places(&in_path, words, &rule.allowed).is_empty() {
                        found.push(format!("{file}: `{phrase}` in its name; say: {}", rule.instead));
                    }
                    for line in places(&in_text, words, &rule.allowed) {
                        found.push(format!("{file}:{line}: `{phrase}`; say: {}", rule.instead));
                    }
                }
                Pattern::Name(name) => {
                    for (_, line) in names.iter().filter(|(each, _)| each == name) {
                        found.push(format!("{file}:{line}: `{name}`; say: {}", rule.instead));
                    }
                }
            }
        }
    }
    found
}

/// The lines in which the phrase begins, unless it is part of a longer one that is allowed.
fn places(text: &[text::Word], phrase: &[String], allowed: &[Vec<String>]) -> Vec<usize> {
    let is_at = |phrase: &[String], start: usize| {
        text.get(start..start + phrase.len()).is_some_and(|words| {
            words.iter().zip(phrase).all(|(word, wanted)| word.text == *wanted)
                && words.iter().skip(1).all(|word| word.follows)
        })
    };
    let is_allowed = |start: usize| {
        allowed.iter().any(|longer| {
            let first = start.saturating_sub(longer.len());
            (first..=start).any(|from| is_at(longer, from) && from + longer.len() >= start + phrase.len())
        })
    };
    (0..text.len())
        .filter(|start| is_at(phrase, *start) && !is_allowed(*start))
        .map(|at| text[at].line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &str, file: &str, text: &str) -> Vec<String> {
        check(&read(list).unwrap(), file, text)
    }

    #[test]
    fn a_word_is_found_in_names_text_and_paths() {
        const LIST: &str = "open batch, owed | everywhere | outbox batch";
        assert_eq!(
            found(LIST, "a/owed.rs", "fn f() {}\nstruct OpenBatch;\n-- is owed"),
            [
                "a/owed.rs:2: `open batch`; say: outbox batch",
                "a/owed.rs: `owed` in its name; say: outbox batch",
                "a/owed.rs:3: `owed`; say: outbox batch",
            ]
        );
        assert_eq!(found(LIST, "a.sql", "allowed, opened batch"), Vec::<String>::new());
    }

    #[test]
    fn a_name_with_a_capital_counts_in_rust_code_only() {
        const LIST: &str = "Fault | except crates/dev | HandlerError";
        assert_eq!(found(LIST, "crates/core/a.rs", "enum Fault {}").len(), 1);
        assert_eq!(found(LIST, "crates/core/a.rs", "// Fault\nenum FaultInjector {}").len(), 0);
        assert_eq!(found(LIST, "crates/dev/chaos/a.rs", "enum Fault {}").len(), 0);
        assert_eq!(found(LIST, "docs/a.md", "Fault").len(), 0);
    }

    #[test]
    fn a_rule_holds_where_it_says() {
        const LIST: &str = "slot | in crates/dev/stack tests | server_dir";
        assert_eq!(found(LIST, "crates/dev/stack/src/a.rs", "slot").len(), 1);
        assert_eq!(found(LIST, "tests/a.rs", "slot").len(), 1);
        assert_eq!(found(LIST, "crates/dev/stacks/a.rs", "slot").len(), 0);
    }

    #[test]
    fn a_phrase_may_be_allowed() {
        const LIST: &str = "desk ! carrier desk | everywhere | queue";
        assert_eq!(found(LIST, "a.md", "the carrier-desk and the desk").len(), 1);
    }

    #[test]
    fn a_line_that_is_no_rule_is_named() {
        assert!(read("owed | somewhere | unpublished").unwrap_err().contains("line 1"));
        assert!(read("# owed\n\nowed").unwrap_err().contains("line 3"));
    }
}
