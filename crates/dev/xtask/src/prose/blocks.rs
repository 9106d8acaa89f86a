//! The prose of a file, block by block: paragraphs, list items, headings and cells of tables, from a page of Markdown or
//! from comments. Code is left out.

use std::mem;
use std::path::Path;

/// Consecutive words that belong together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// Each word with its line. Code in backticks is one word: [`CODE`].
    pub(crate) words: Vec<(String, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A paragraph, a list item or a cell.
    Text,
    /// A heading, or a cell of a table's first row.
    Heading,
    /// The beginning of a code block; the only word is its language.
    Fence,
}

/// The word that takes the place of code.
pub(crate) const CODE: &str = "`code`";

/// Whether a file is a page.
pub(crate) fn is_markdown(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|kind| kind == "md")
}

/// The blocks of a file, by its kind.
pub(crate) fn of(file: &str, text: &str) -> Vec<Block> {
    if is_markdown(file) {
        return parse(text.lines().zip(1..));
    }
    let mark = match file.rsplit('.').next() {
        Some("rs" | "proto") => "//",
        Some("sql") => "--",
        Some("json" | "txt") => return Vec::new(),
        _ => "#",
    };
    comments(text, mark).into_iter().flat_map(|lines| parse(lines.into_iter())).collect()
}

/// A page whose code is blank: the lines stay where they are.
pub(crate) fn without_code(page: &str) -> String {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        let is_fence = fence(line.trim()).is_some();
        is_code ^= is_fence;
        lines.push(if is_code || is_fence { "" } else { line });
    }
    // A stop ends a phrase, as the code that was there does.
    plain(&lines.join("\n")).replace(CODE, "`.`")
}

/// Runs of comment lines without their marks. A comment behind code is a run of its own.
fn comments<'a>(text: &'a str, mark: &str) -> Vec<Vec<(&'a str, usize)>> {
    let mut runs: Vec<Vec<(&str, usize)>> = Vec::new();
    let mut goes_on = false;
    for (line, number) in text.lines().zip(1..) {
        let start = line.trim_start();
        let behind = format!(" {mark} ");
        if let Some(comment) = start.strip_prefix(mark).and_then(|rest| spoken(rest, mark)) {
            if !goes_on {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.push((comment, number));
            }
            goes_on = true;
        } else {
            if let Some((_, comment)) = line.split_once(behind.as_str()) {
                runs.push(vec![(comment, number)]);
            }
            goes_on = false;
        }
    }
    runs
}

/// A comment after its mark; `None` when the line is code: an attribute, an interpreter, a setting that is switched off.
fn spoken<'a>(rest: &'a str, mark: &str) -> Option<&'a str> {
    if mark != "#" {
        return Some(rest.trim_start_matches(['/', '!', '-']));
    }
    let is_setting = |text: &str| {
        let first = text.split(['=', ':']).next().unwrap_or(text).trim();
        text.starts_with('[') || (first.len() < text.len() && !first.contains(' '))
    };
    (rest.is_empty() || rest.starts_with(' ') || rest.starts_with('#'))
        .then(|| rest.trim_start_matches('#'))
        .filter(|text| !is_setting(text.trim()))
}

/// The language of a code block that begins or ends here.
fn fence(line: &str) -> Option<&str> {
    line.strip_prefix("```").or_else(|| line.strip_prefix("~~~"))
}

fn parse<'a>(lines: impl Iterator<Item = (&'a str, usize)>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines_of_block: Vec<(&str, usize)> = Vec::new();
    let mut is_code = false;
    let mut is_in_table = false;
    for (line, number) in lines {
        let text = line.trim().trim_start_matches("> ");
        let is_row = text.starts_with('|');
        let is_text = !is_code && !text.is_empty() && fence(text).is_none();
        if !is_text || is_row || text.starts_with(['#', '<']) || item(text).is_some() {
            end(&mut lines_of_block, Kind::Text, &mut blocks);
        }
        if let Some(language) = fence(text) {
            if !is_code {
                blocks.push(Block { kind: Kind::Fence, words: vec![(language.to_owned(), number)] });
            }
            is_code = !is_code;
        } else if is_text && is_row {
            let kind = if is_in_table { Kind::Text } else { Kind::Heading };
            for cell in plain(text).split('|') {
                end(&mut vec![(cell, number)], kind, &mut blocks);
            }
        } else if is_text && text.starts_with('#') {
            end(&mut vec![(text.trim_start_matches('#'), number)], Kind::Heading, &mut blocks);
        } else if is_text && !text.starts_with('<') {
            let is_indented = lines_of_block.is_empty() && line.starts_with("     ");
            if !is_indented {
                lines_of_block.push((item(text).unwrap_or(text), number));
            }
        }
        is_in_table = is_row;
    }
    end(&mut lines_of_block, Kind::Text, &mut blocks);
    blocks
}

/// A list's item without its mark.
fn item(text: &str) -> Option<&str> {
    let behind_number = || {
        let (number, rest) = text.split_once(". ")?;
        number.parse::<u8>().is_ok().then_some(rest)
    };
    text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")).or_else(behind_number)
}

/// Makes a block of the lines, if there is a word in them.
fn end(lines: &mut Vec<(&str, usize)>, kind: Kind, blocks: &mut Vec<Block>) {
    let Some(&(_, first)) = lines.first() else { return };
    let text = mem::take(lines).into_iter().map(|(line, _)| line).collect::<Vec<_>>().join("\n");
    let words: Vec<(String, usize)> = plain(&text)
        .lines()
        .zip(first..)
        .flat_map(|(line, number)| line.split_whitespace().map(move |word| (word.to_owned(), number)))
        .collect();
    if !words.is_empty() {
        blocks.push(Block { kind, words });
    }
}

/// Text whose code in backticks is [`CODE`], and whose links have no address.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', ']']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let marks = rest.len() - rest.trim_start_matches('`').len();
        let (mark, after) = rest.split_at(marks.max(1));
        rest = after;
        if mark == "]" {
            // `](address)`
            match after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
                Some((address, behind)) => {
                    plain.push_str(&line_ends(address));
                    rest = behind;
                }
                None => plain.push(']'),
            }
        } else if let Some((code, behind)) = after.split_once(mark) {
            plain.push_str(CODE);
            plain.push_str(&line_ends(code));
            rest = behind;
        } else {
            plain.push_str(mark);
        }
    }
    plain.push_str(rest);
    plain
}

/// As many as were in what is left out.
fn line_ends(text: &str) -> String {
    "\n".repeat(text.matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each block as its kind, its first line and its text.
    fn blocks(file: &str, text: &str) -> Vec<(Kind, usize, String)> {
        let text_of =
            |block: &Block| block.words.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" ");
        of(file, text).iter().map(|block| (block.kind, block.words[0].1, text_of(block))).collect()
    }

    fn text(line: usize, text: &str) -> (Kind, usize, String) {
        (Kind::Text, line, text.to_owned())
    }

    fn heading(line: usize, text: &str) -> (Kind, usize, String) {
        (Kind::Heading, line, text.to_owned())
    }

    #[test]
    fn a_page_is_taken_apart() {
        let page = "# One\n\nA [link](a.md) and\n`some code`.\n- item\n  goes on\n2. next\n\n```toml\nWhat = 1\n```\nLast";
        assert_eq!(
            blocks("a.md", page),
            [
                heading(1, "One"),
                text(3, "A [link and `code`."),
                text(5, "item goes on"),
                text(7, "next"),
                (Kind::Fence, 9, "toml".to_owned()),
                text(12, "Last"),
            ]
        );
    }

    #[test]
    fn cells_are_blocks_and_the_first_row_is_headings() {
        let page = "| what | is |\n|---|---|\n| `a | b` | c |";
        let cells = blocks("a.md", page);
        assert_eq!(cells[..2], [heading(1, "what"), heading(1, "is")]);
        assert_eq!(cells[4..], [text(3, "`code`"), text(3, "c")]);
    }

    #[test]
    fn comments_are_prose() {
        let rust = "/// One\n/// two.\n///\n/// Three.\nfn f() {} // four\nlet url = \"http://a\";\n//! Five";
        assert_eq!(
            blocks("a.rs", rust),
            [text(1, "One two."), text(4, "Three."), text(5, "four"), text(7, "Five")]
        );
        assert_eq!(blocks("a.sql", "-- One\nselect 1; -- two"), [text(1, "One"), text(2, "two")]);
        let toml = "#!/bin/sh\n# One\n# key = \"off\"\n# [table]\nkey = 1  # two\n#[cfg]";
        assert_eq!(blocks("a.toml", toml), [text(2, "One"), text(5, "two")]);
        assert_eq!(blocks("a.json", "{\"a\": \"# b\"}"), []);
    }

    #[test]
    fn a_page_without_code_has_as_many_lines() {
        let page = "a `b\nc` d\n```text\ne\n```\nf";
        assert_eq!(without_code(page), "a `.`\n d\n\n\n\nf");
    }
}
