//! A text as a sequence of words: names are taken apart, `OpenBatch` and `open_batch` are *open* and *batch*.

/// A word, in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Whether it belongs to the word before: nothing but a space, a dash, an underscore or the end of a line is
    /// between them.
    pub(crate) follows: bool,
}

/// Takes a text apart.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut current = String::new();
    let mut between = String::new();
    let mut line = 1;
    let mut last = ' ';
    for next in text.chars().chain(['\n']) {
        let is_hump = next.is_uppercase() && (last.is_lowercase() || last.is_ascii_digit());
        if !current.is_empty() && (!next.is_alphanumeric() || is_hump) {
            let follows = !words.is_empty() && joins(&between);
            words.push(Word { text: std::mem::take(&mut current), line, follows });
            between.clear();
        }
        if next.is_alphanumeric() {
            current.extend(next.to_lowercase());
        } else {
            between.push(next);
        }
        line += usize::from(next == '\n');
        last = next;
    }
    words
}

/// A comment's or a list's marks at the beginning of a line are no end of a phrase.
fn joins(between: &str) -> bool {
    let marks = if between.contains('\n') { "/!#*>-_ \t\n" } else { "-_' \t" };
    between.chars().all(|each| marks.contains(each)) && !between.contains("\n\n")
}

/// The names in Rust code with their lines: what stands in comments is left out.
pub(crate) fn names(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.lines().zip(1..).flat_map(|(line, number)| {
        let code = match line.find("//") {
            // The `//` of an address is none.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        };
        let is_part = |each: char| each.is_alphanumeric() || each == '_';
        code.split(move |each| !is_part(each)).filter(|name| !name.is_empty()).map(move |name| (name, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Vec<(String, usize, bool)> {
        words(text).into_iter().map(|word| (word.text, word.line, word.follows)).collect()
    }

    #[test]
    fn names_and_sentences_are_taken_apart() {
        let open_batch =
            [("open", false), ("batch", true)].map(|(text, follows)| (text.to_owned(), 1, follows));
        for text in ["open_batch", "OpenBatch", "Open batch", "open-batch", "OPEN_BATCH"] {
            assert_eq!(spelled(text), open_batch, "{text}");
        }
        assert!(!words("open, batch")[1].follows);
        assert!(!words("open(batch)")[1].follows);
    }

    #[test]
    fn a_phrase_goes_on_in_the_next_line_of_a_comment() {
        let words = words("    /// the open\n    /// batch\n\nother");
        assert_eq!((words[2].text.as_str(), words[2].line, words[2].follows), ("batch", 2, true));
        assert!(!words[3].follows, "a paragraph ends");
    }

    #[test]
    fn names_are_those_in_code() {
        let text = "struct Held; // Held\n/// Held\nlet url = \"http://Held\";";
        let lines: Vec<usize> =
            names(text).filter(|(name, _)| *name == "Held").map(|(_, line)| line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
