//! The rules about sentences: how long one may be, how one may begin. And a code block names its language.

use super::blocks::{Block, Kind, is_markdown};

/// How many words a sentence may have. The guide says 25; some need more.
const LONGEST: usize = 35;

/// How no sentence begins, unless it is a question.
const OPENINGS: [&str; 12] = [
    "what",
    "whatever",
    "who",
    "whom",
    "whose",
    "of what",
    "of which",
    "of whom",
    "the same for",
    "the same with",
    "not so",
    "nor is",
];

/// They end no sentence.
const ABBREVIATIONS: [&str; 5] = ["e.g.", "i.e.", "etc.", "cf.", "vs."];

/// Lists the faults in the blocks of a file.
pub(crate) fn check(file: &str, blocks: &[Block]) -> Vec<String> {
    let mut found = Vec::new();
    for block in blocks {
        match block.kind {
            Kind::Heading => {}
            Kind::Fence => found.extend(language(file, block)),
            Kind::Text => found.extend(sentences(&block.words).flat_map(|sentence| faults(file, sentence))),
        }
    }
    found
}

/// In Markdown a code block must say its language; in comments of Rust it is Rust.
fn language(file: &str, fence: &Block) -> Option<String> {
    let (language, line) = fence.words.first()?;
    (is_markdown(file) && language.is_empty())
        .then(|| format!("{file}:{line}: a code block without a language; say: console, text, toml, …"))
}

/// A block's words, sentence by sentence.
fn sentences(words: &[(String, usize)]) -> impl Iterator<Item = &[(String, usize)]> {
    let mut rest = words;
    std::iter::from_fn(move || {
        let next = |at: &usize| rest.get(at + 1).is_none_or(|(word, _)| begins(word));
        let length =
            (0..rest.len()).find(|at| ends(&rest[*at].0) && next(at)).map_or(rest.len(), |at| at + 1);
        let sentence;
        (sentence, rest) = rest.split_at(length);
        (!sentence.is_empty()).then_some(sentence)
    })
}

fn ends(word: &str) -> bool {
    let bare = word.trim_end_matches([')', '"', '*', '_', '”', '`']);
    bare.ends_with(['.', '?', '!']) && !ABBREVIATIONS.contains(&bare.trim_start_matches('('))
}

fn begins(word: &str) -> bool {
    let bare = word.trim_start_matches(['(', '"', '*', '_', '“']);
    // A link may begin with a file's name.
    bare.starts_with(|first: char| first.is_uppercase() || "`[".contains(first) || first.is_ascii_digit())
}

fn faults(file: &str, sentence: &[(String, usize)]) -> Vec<String> {
    let mut found = Vec::new();
    let Some((_, line)) = sentence.first() else { return found };
    let length = sentence.iter().filter(|(word, _)| word.contains(char::is_alphanumeric)).count();
    if length > LONGEST {
        found.push(format!(
            "{file}:{line}: a sentence of {length} words, more than {LONGEST}; say: one idea a sentence, a list, a table"
        ));
    }
    let is_question = sentence.last().is_some_and(|(word, _)| word.contains('?'));
    if let Some(opening) = OPENINGS.iter().find(|opening| !is_question && opens_with(sentence, opening)) {
        found.push(format!(
            "{file}:{line}: a sentence opens with `{opening}`; say: first the thing, by its name, then what it does"
        ));
    }
    found
}

fn opens_with(sentence: &[(String, usize)], opening: &str) -> bool {
    let mut words = sentence.iter().map(|(word, _)| word.trim_matches(|each: char| !each.is_alphanumeric()));
    opening.split(' ').all(|wanted| words.next().is_some_and(|word| word.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::super::blocks;
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        check(file, &blocks::of(file, text))
    }

    fn words(count: usize) -> String {
        format!("Word{}", " word".repeat(count - 1))
    }

    #[test]
    fn a_sentence_has_an_end() {
        let found =
            found("a.md", &format!("Short.\n{}, e.g. {}.\n{}.", words(20), words(15), words(LONGEST)));
        assert_eq!(
            found,
            ["a.md:2: a sentence of 36 words, more than 35; say: one idea a sentence, a list, a table"]
        );
    }

    #[test]
    fn the_limit_is_for_one_sentence() {
        let long = words(LONGEST);
        assert_eq!(found("a.md", &format!("{long}. (A {}.)\n\n{long}", words(20))).len(), 0);
        assert_eq!(found("a.md", &format!("- {long}\n- {long}")).len(), 0);
        assert_eq!(found("a.md", &format!("{} v1.2 → {}", words(20), words(20))).len(), 1);
        assert_eq!(
            found("a.rs", &format!("/// {}\n/// word {}", words(20), words(20).to_lowercase())).len(),
            1
        );
    }

    #[test]
    fn a_sentence_begins_with_its_subject() {
        assert_eq!(
            found("a.rs", "/// Reads. What is left\n/// stays."),
            ["a.rs:1: a sentence opens with `what`; say: first the thing, by its name, then what it does"]
        );
        for text in ["Who asks again waits.", "**Of which** one is taken.", "| a |\n|---|\n| what it does |"]
        {
            assert_eq!(found("a.md", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn questions_and_headings_may_begin_as_they_like() {
        for text in
            ["What is lost?", "# What is lost", "| what | why |\n|---|---|", "Whoops", "It says what it does"]
        {
            assert_eq!(found("a.md", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_code_block_names_its_language() {
        assert_eq!(
            found("a.md", "a\n\n```\nb\n```"),
            ["a.md:3: a code block without a language; say: console, text, toml, …"]
        );
        assert_eq!(found("a.md", "```toml\nb\n```").len(), 0);
        assert_eq!(found("a.rs", "/// ```\n/// b\n/// ```").len(), 0);
    }
}
