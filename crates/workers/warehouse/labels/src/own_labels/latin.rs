//! Text for the PDF's standard fonts, which have only the 217 printable characters of Windows code page 1252. The page
//! is in this file, because `encoding_rs` would bring every legacy encoding for its 27 characters beyond Latin 1.
//!
//! Other characters are transliterated to Latin letters (`Łódź` to `Lódz`, `Афины` to `Afiny`), which the Universal
//! Postal Union requires on parcels that leave their country. Chinese and Japanese names get Mandarin readings. The ZPL
//! label keeps every name in its own script.

/// The characters at 0x80 to 0x9F; `\0` where the code page has none.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Returns the text in code page 1252, transliterated where necessary. A letter without a transliteration becomes `?`.
pub(super) fn win_ansi(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match code(letter) {
            Some(byte) => bytes.push(byte),
            None if letter.is_control() => bytes.push(b' '),
            None => match any_ascii::any_ascii_char(letter) {
                "" if letter.is_alphanumeric() => bytes.push(b'?'),
                latin => bytes.extend_from_slice(latin.as_bytes()),
            },
        }
    }
    bytes
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
    use super::*;

    #[test]
    fn western_names_stay_as_they_are() {
        assert_eq!(win_ansi("Zoë Müller-Østergård"), b"Zo\xEB M\xFCller-\xD8sterg\xE5rd");
        assert_eq!(win_ansi("Š€Ÿ"), [0x8A, 0x80, 0x9F]);
    }

    #[test]
    fn other_scripts_are_transliterated() {
        assert_eq!(win_ansi("Łódź"), b"L\xF3dz");
        assert_eq!(win_ansi("Ирина"), b"Irina");
        assert_eq!(win_ansi("Γιώργος"), b"Giorgos");
        for name in ["田中太郎", "محمد", "प्रिया", "김민준", "נועה"] {
            let latin = win_ansi(name);
            assert!(latin.len() > 3 && latin.is_ascii() && !latin.contains(&b'?'), "{name}: {latin:?}");
        }
    }

    #[test]
    fn nothing_breaks_the_line() {
        assert_eq!(win_ansi("a\r\nb\0c"), b"a  b c");
    }
}
