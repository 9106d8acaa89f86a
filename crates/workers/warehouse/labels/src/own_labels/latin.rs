//! The letters of a label: the 217 printable characters of Windows code page 1252, which the PDF's standard fonts and a
//! printer's built-in font both have. The page is in this file, because `encoding_rs` would bring every legacy encoding
//! for its 27 characters beyond Latin 1.
//!
//! Other characters are transliterated to Latin letters (`Łódź` to `Lódz`, `Афины` to `Afiny`), which the Universal
//! Postal Union requires on parcels that leave their country. Chinese and Japanese names get Mandarin readings. Most
//! printers have no font for another script, and would leave such a name out without a word.

use unicode_normalization::UnicodeNormalization as _;
use unicode_width::UnicodeWidthChar as _;

/// The characters at 0x80 to 0x9F; `\0` where the code page has none.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Stands for a letter that has no transliteration, so that nothing is left out without a trace.
const UNKNOWN: char = '?';

/// Returns the text in the label's letters, with single spaces between words. Only marks without a width of their own
/// are left out: accents that no Latin letter has, joiners, direction marks.
pub(super) fn latin(text: &str) -> String {
    let mut latin = String::with_capacity(text.len());
    for letter in text.nfc() {
        if letter.is_whitespace() || letter.is_control() {
            latin.push(' ');
        } else if letter.width() == Some(0) {
            // A vowel sign or an accent may have a transliteration all the same.
            latin.push_str(any_ascii::any_ascii_char(letter));
        } else if code(letter).is_some() {
            latin.push(letter);
        } else {
            match any_ascii::any_ascii_char(letter) {
                "" => latin.push(UNKNOWN),
                ascii => latin.push_str(ascii),
            }
        }
    }
    latin.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the bytes of text that [`latin`] made.
pub(super) fn win_ansi(latin: &str) -> Vec<u8> {
    debug_assert!(latin.chars().all(|letter| code(letter).is_some()), "{latin:?} is in the code page");
    latin.chars().map(|letter| code(letter).unwrap_or(b'?')).collect()
}

fn code(letter: char) -> Option<u8> {
    match u32::from(letter) {
        point @ (0x20..=0x7E | 0xA0..=0xFF) => u8::try_from(point).ok(),
        0x00 => None,
        _ => (0x80_u8..).zip(HIGH).find(|&(_, known)| known == letter).map(|(byte, _)| byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn western_names_stay_as_they_are() {
        assert_eq!(latin("Zoë Müller-Østergård"), "Zoë Müller-Østergård");
        assert_eq!(win_ansi("Zoë Müller-Østergård"), b"Zo\xEB M\xFCller-\xD8sterg\xE5rd");
        assert_eq!(win_ansi("Š€Ÿ"), [0x8A, 0x80, 0x9F]);
        assert_eq!(latin("Mu\u{308}ller"), "Müller", "a letter and its accent, as some systems send them");
    }

    #[test]
    fn other_scripts_are_transliterated() {
        assert_eq!(latin("Łódź"), "Lódz");
        assert_eq!(latin("Ирина"), "Irina");
        assert_eq!(latin("Γιώργος"), "Giorgos");
        for name in ["田中太郎", "محمد", "प्रिया", "김민준", "נועה"] {
            let latin = latin(name);
            assert!(latin.len() > 3 && latin.is_ascii() && !latin.contains(UNKNOWN), "{name}: {latin}");
        }
    }

    #[test]
    fn what_has_no_letters_leaves_a_trace() {
        assert_eq!(latin("a\u{E000}b"), "a?b");
        assert_eq!(latin("a\u{200F}b\u{FE0F}c\u{AD}d"), "abcd", "marks that nobody sees");
        assert!(!latin("😀").is_empty());
    }

    #[test]
    fn nothing_breaks_the_line() {
        assert_eq!(latin(" a\r\n\u{A0}b\0c\u{2028}"), "a b c");
    }

    proptest! {
        #[test]
        fn every_letter_is_on_the_code_page_or_leaves_a_trace(text in "\\PC{0,40}") {
            let latin = latin(&text);
            prop_assert!(latin.chars().all(|letter| code(letter).is_some()));
            for letter in text.chars().filter(|letter| letter.width() != Some(0) && !letter.is_whitespace()) {
                // A separator of words may become a space.
                prop_assert_ne!(super::latin(&format!("a{letter}b")), "ab", "{:?}", letter);
            }
        }
    }
}
