//! Text in lines of a given width: broken between words, inside a word that is too long, and visibly cut.

use super::helvetica::width;

/// Stands where text was cut.
pub(super) const CUT: char = '…';

/// Breaks text into lines that are no wider than `room` at this font size. Only spaces are lost.
pub(super) fn wrap(text: &str, size: u16, room: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if fits(&format!("{line} {word}"), size, room) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(pieces(word, size, room)),
        }
    }
    lines
}

/// Returns the beginning of a line, as far as it leaves room for an ellipsis, and the ellipsis.
pub(super) fn cut(line: &str, size: u16, room: u16) -> String {
    let mut kept = line.to_owned();
    while !kept.is_empty() && !fits(&format!("{kept}{CUT}"), size, room) {
        kept.pop();
    }
    kept.truncate(kept.trim_end().len());
    kept.push(CUT);
    kept
}

/// Returns whether the text is no wider than `room`.
pub(super) fn fits(text: &str, size: u16, room: u16) -> bool {
    width(text, size) <= u32::from(room)
}

/// Breaks a word into pieces that fit. A piece has at least one letter.
fn pieces(word: &str, size: u16, room: u16) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for letter in word.chars() {
        piece.push(letter);
        if !fits(&piece, size, room) && piece.len() > letter.len_utf8() {
            piece.pop();
            pieces.push(std::mem::replace(&mut piece, letter.to_string()));
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_broken_between_words_and_long_words_inside() {
        assert_eq!(wrap("Anna Lind", 44, 740), ["Anna Lind"]);
        assert_eq!(wrap("", 44, 740), Vec::<String>::new());
        let street = wrap("Rosenstraße am Alten Botanischen Garten 17", 44, 500);
        assert_eq!(street, ["Rosenstraße am", "Alten Botanischen", "Garten 17"]);
        let word = wrap(&"W".repeat(30), 44, 740);
        assert!(word.len() == 2 && word.iter().all(|piece| fits(piece, 44, 740)), "{word:?}");
    }

    #[test]
    fn a_cut_is_visible_and_stays_within_the_room() {
        assert_eq!(cut("Anna", 20, 740), "Anna…");
        let cut = cut(&wrap(&"W".repeat(300), 20, 400)[0], 20, 400);
        assert!(cut.ends_with("W…") && fits(&cut, 20, 400), "{cut}");
    }

    proptest! {
        #[test]
        fn lines_fit_and_nothing_is_lost(text in "[ -~À-ÿ]{0,200}", size in 16_u16..44, room in 200_u16..740) {
            let lines = wrap(&text, size, room);
            prop_assert!(lines.iter().all(|line| fits(line, size, room)));
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
