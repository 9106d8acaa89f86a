//! A file's text: its encoding, its delimiter, its lines.

use std::borrow::Cow;

use super::column::{Column, Unreadable};
use super::header::known;

/// The delimiters that spreadsheets write.
const DELIMITERS: [u8; 3] = *b",;\t";

/// How a file that is no text is made one.
const SAVE_AS: &str = "save it in the spreadsheet as \"CSV UTF-8\"";

/// Decodes a file: UTF-8 with or without a byte order mark, or UTF-16 with one, as Excel's "Unicode text" is.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or_default()]));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(Cow::Owned).map_err(|_| Unreadable::new("expected text, found a damaged file", SAVE_AS))
    };
    match bytes {
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            Err(Unreadable::new("expected a CSV file, found a spreadsheet", SAVE_AS))
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Unreadable::new(format!("line {line}: expected text in UTF-8, found another encoding"), SAVE_AS)
    })
}

/// A file's text without what Excel puts before it, and how its cells are kept apart.
pub(super) struct Sheet<'t> {
    pub(super) text: &'t str,
    pub(super) delimiter: u8,
    /// The number of lines that were left out at the beginning.
    pub(super) skipped_lines: u64,
}

impl<'t> Sheet<'t> {
    /// Finds the delimiter. A first line `sep=;` names it, as Excel understands it. Otherwise it is the one with which the
    /// first line has most of the columns' names, or most cells.
    pub(super) fn of(text: &'t str, columns: &[Column]) -> Self {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let named = first.trim_end().trim_matches('"').strip_prefix("sep=").map(str::as_bytes);
        if let Some(&[delimiter]) = named {
            return Sheet { text: rest, delimiter, skipped_lines: 1 };
        }
        let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let fit = |delimiter: u8| {
            let cells = || header.split(char::from(delimiter));
            let known = cells().filter(|cell| known(cell.trim().trim_matches('"'), columns).is_some());
            (known.count(), cells().count())
        };
        // Of several equal ones the last is the maximum, so they are asked in reverse.
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(|delimiter| fit(*delimiter));
        Sheet { text, delimiter: delimiter.unwrap_or(b','), skipped_lines: 0 }
    }
}

/// Counts lines as places in the text are asked for, the first places first.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str, skipped: u64) -> Self {
        Lines { text: text.as_bytes(), at: 0, line: 1 + skipped }
    }

    /// The line of the first character at or after this byte that ends no line. The parser begins a row with the empty lines
    /// before it.
    pub(super) fn of(&mut self, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(&letter) = self.text.get(self.at) {
            let ends_line = match letter {
                b'\n' => true,
                b'\r' => self.text.get(self.at + 1) != Some(&b'\n'),
                _ if self.at >= from => break,
                _ => false,
            };
            self.line += u64::from(ends_line);
            self.at += 1;
        }
        self.line
    }
}

/// The byte of a quote that nothing closes. As for the parser, a quote opens only at the beginning of a cell, and two within quotes are one
/// letter.
pub(super) fn open_quote(text: &str, delimiter: u8) -> Option<u64> {
    let (mut opened, mut begins_cell) = (None, true);
    let mut bytes = (0_u64..).zip(text.bytes()).peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' if opened.is_some() => {
                if bytes.next_if(|(_, next)| *next == b'"').is_none() {
                    opened = None;
                }
            }
            _ if opened.is_some() => {}
            b'"' if begins_cell => (opened, begins_cell) = (Some(at), false),
            byte => begins_cell = byte == delimiter || byte == b'\n' || byte == b'\r',
        }
    }
    opened
}
